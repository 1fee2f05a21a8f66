"""The benchmark of parsing measures what it says; how fast it is, is not for a test to judge."""

from leadflow_pipeline.adapters.rule_files import load_rules
from leadflow_pipeline.bench.mail_speed import measure_mail_speed

LEAD = b"From: leads@email.realtor.com\r\nSubject: x\r\n\r\nFirst Name: Ada\r\nPhone Number: 512-555-0142\r\n"
REPORT = b"From: MAILER-DAEMON@mx.test\r\nSubject: Undelivered Mail\r\n\r\nNo such user\r\n"


def test_every_mail_is_read_and_only_leads_count_as_leads() -> None:
    speed = measure_mail_speed(load_rules(), [LEAD, REPORT, LEAD], rounds=1)
    assert (speed.mails, speed.leads) == (3, 2)
    assert speed.per_second > 0
    assert speed.per_cpu_second > 0
