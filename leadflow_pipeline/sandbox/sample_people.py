"""Invented people and houses for the samples; nobody here exists.

Belongs here: names, telephone numbers of the range kept for fiction (555-0100 to 555-0199), made-up house
numbers in Texan towns, and e-mail addresses that lead nowhere. Does not belong
here: what these people write (samples.py).
"""

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, product

FIRST_NAMES = (
    "Abigail", "Adriana", "Aiden", "Alejandro", "Amara", "Andrés", "Beatriz", "Brandon", "Brenda",
    "Caleb", "Camila", "Chloe", "Daniel", "Darnell", "Diego", "Dolores", "Elijah", "Emilia", "Esteban",
    "Fatima", "Gabriela", "Gavin", "Graciela", "Hannah", "Héctor", "Imani", "Isaac", "Isabel", "Jamal",
    "Jasmine", "Javier", "Joaquín", "José", "Kendra", "Kevin", "Lourdes", "Lucía", "Marcus", "Margaret",
    "Mateo", "Mei", "Miguel", "Naomi", "Noah", "Olivia", "Óscar", "Patrick", "Priya", "Rebecca",
    "Rocío", "Samuel", "Sofía", "Tanisha", "Tomás", "Valeria", "Wyatt", "Ximena", "Zachary",
)  # fmt: skip
LAST_NAMES = (
    "Álvarez", "Barnes", "Becker", "Caldwell", "Castillo", "Chavez", "Coleman", "Cruz", "Delgado",
    "Dixon", "Escobedo", "Fischer", "Flores", "Garza", "Gutiérrez", "Hale", "Hernández", "Hollis",
    "Ibarra", "Jennings", "Kowalski", "Lozano", "MacLeod", "McDonald", "McKenzie", "Mendoza",
    "Montgomery", "Muñoz", "Nguyen", "O'Brien", "O'Neil-Smith", "Okonkwo", "Ortega", "Patel", "Peña",
    "Quintero", "Ramírez", "Reyes-Lee", "Rodríguez", "Saldívar", "Sandoval", "Tran", "Trujillo",
    "Underwood", "Vance", "Villarreal", "Whitaker", "Yates", "Zamora", "de la Cruz", "de León",
    "van der Berg", "St. Clair",
)  # fmt: skip
SUFFIXES = ("",) * 14 + (" Jr.", " III")

AREA_CODES = (
    "512", "713", "214", "210", "915", "817", "972", "281", "832", "737", "469", "682", "361", "409",
    "432", "806", "830", "903", "936", "940", "956", "979", "254", "325", "346", "430", "726", "945",
)  # fmt: skip
# 0190 to 0199 belong to the sample agents.
LINES = range(100, 190)

EMAIL_DOMAINS = ("example.com", "example.org", "example.net")

STREETS = (
    "Bluebonnet Ln",
    "Live Oak St",
    "Pecan Valley Dr",
    "Mesquite Trl",
    "S Congress Ave",
    "W 34th St",
    "Hill Country Blvd",
    "Lone Star Rd",
    "Juniper Ridge Ct",
    "N Lamar Blvd",
)
UNITS = ("", "", "", "", " Apt 4", " #B-204", " Unit 12")
CITIES = (
    ("Austin", "78704"),
    ("Houston", "77008"),
    ("Dallas", "75206"),
    ("San Antonio", "78209"),
    ("El Paso", "79912"),
    ("Fort Worth", "76107"),
    ("Plano", "75024"),
    ("Round Rock", "78664"),
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """One invented person, in the spelling they would use themselves."""

    first_name: str
    last_name: str  # with the suffix, as a form's last-name field gets it
    email: str
    area_code: str
    line: str  # the last four digits
    street: str
    city_line: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def address(self) -> str:
        return f"{self.street}, {self.city_line}"


def invent_people(seed: int) -> Iterator[Person]:
    """Endless; the same seed gives the same people. Names and telephone numbers come round after some
    2,500 people, e-mail addresses never.
    """
    rng = random.Random(f"people {seed}")
    names = list(product(FIRST_NAMES, LAST_NAMES))
    phones = list(product(AREA_CODES, LINES))
    rng.shuffle(names)
    rng.shuffle(phones)
    for number in count():
        first_name, last_name = names[number % len(names)]
        area_code, line = phones[number % len(phones)]
        city, zip_code = rng.choice(CITIES)
        yield Person(
            first_name=first_name,
            last_name=last_name + rng.choice(SUFFIXES),
            email=f"{_ascii(first_name)}.{_ascii(last_name)}{number}@{rng.choice(EMAIL_DOMAINS)}",
            area_code=area_code,
            line=f"{line:04d}",
            street=f"{rng.randrange(100, 9900)} {rng.choice(STREETS)}{rng.choice(UNITS)}",
            city_line=f"{city}, TX {zip_code}",
        )


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain.lower())
