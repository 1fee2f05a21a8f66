"""What is used but not confirmed by any vendor's documentation: correct it here, and nowhere else.

Each entry is general knowledge or seen in other people's code. A wrong one costs facts or an id, never a post:
the raw bytes are kept, and what cannot be read waits in quarantine.
"""

# Webflow: the id of a submission, in the v2 shape inside `payload`, in the v1 shape on top.
WEBFLOW_ID = "id"
WEBFLOW_V1_ID = "_id"

# Typeform: the id of a response.
TYPEFORM_ID = "token"

# Meta: the signature's digits are hexadecimal; the names of the set-up call's parameters.
META_MODE = "hub.mode"
META_VERIFY_TOKEN = "hub.verify_token"
META_CHALLENGE = "hub.challenge"

# Meta: names of the standard questions that are no label of ours, what the testing tool writes into every answer, and
# the fields of a lead beside field_data. (`id`, `created_time`, `field_data` are documented.)
META_ADDRESS = ("street_address", "city", ("state", "province"), ("zip_code", "post_code", "zip"))
META_TEST_ANSWER = "<test lead: dummy data"
META_LEAD_FIELDS = ("id", "created_time", "form_id", "field_data", "custom_disclaimer_responses")
# Meta: a rate limit of lead ads beside the documented error codes.
META_LEADGEN_LIMIT = 80005

# Gravity Forms, "All fields": a part of a field has its number behind a dot, the same in every form.
GRAVITY_NAME_PARTS = {"3": "first_name", "6": "last_name"}
GRAVITY_ADDRESS_PARTS = ("1", "2", "3", "4", "5")  # street, line 2, city, state, postal code
GRAVITY_ADDRESS_ONLY = ("1", "5")  # parts that a name field never has
# What an entry has beside the answers.
GRAVITY_ENTRY_KEYS = frozenset(
    {
        "id", "form_id", "post_id", "date_created", "date_updated", "is_starred", "is_read", "ip", "source_url",
        "user_agent", "currency", "payment_status", "payment_date", "payment_amount", "payment_method",
        "transaction_id", "is_fulfilled", "created_by", "transaction_type", "status", "source_id",
    }
)  # fmt: skip

# Realtor.com: the names of the property's parts; only "address parts, price, URL" is known. First one given counts.
REALTOR_STREET = ("street_address", "address", "address_line", "line", "street")
REALTOR_UNIT = ("unit", "unit_number")
REALTOR_CITY = ("city",)
REALTOR_STATE = ("state_code", "state")
REALTOR_POSTAL_CODE = ("postal_code", "zip_code", "zip")
REALTOR_URL = ("property_url", "url", "listing_url", "ldp_url")

# Google Ads: ids of columns beside FULL_NAME, which is documented.
GOOGLE_COLUMNS = {
    "FULL_NAME": "name",
    "FIRST_NAME": "first_name",
    "LAST_NAME": "last_name",
    "EMAIL": "email",
    "USER_EMAIL": "email",
    "WORK_EMAIL": "email",
    "PHONE_NUMBER": "phone",
    "USER_PHONE": "phone",
    "WORK_PHONE": "phone",
}
GOOGLE_ADDRESS_COLUMNS = ("STREET_ADDRESS", "CITY", "REGION", "POSTAL_CODE")
