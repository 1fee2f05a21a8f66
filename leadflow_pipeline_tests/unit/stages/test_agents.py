"""The CSV of agents: all rows are good, or nothing is taken and every fault is named."""

import pytest

from leadflow_pipeline.domain.agent_columns import write_cell
from leadflow_pipeline.stages.agents import AgentFileError, read_agents

HEADER = "agent_id,name,email,phone,active\n"


def test_a_file_gives_clean_agents_in_its_order() -> None:
    agents = read_agents(
        "\ufeffName, Agent_ID ,email,phone,active\nAna Torres,ana,Ana@Example.COM,(512) 555-0190,yes\nBo Lee,bo,,,no\n",
        region="US",
    )
    assert [agent["agent_id"] for agent in agents] == ["ana", "bo"]
    assert (agents[0]["email"], agents[0]["phone"], agents[0]["active"]) == ("Ana@example.com", "+15125550190", True)
    assert (agents[1]["email"], agents[1]["phone"], agents[1]["active"]) == (None, None, False)


def test_an_agent_is_active_unless_the_file_says_otherwise() -> None:
    assert read_agents("agent_id,name\nana,Ana\n", region="US")[0]["active"] is True


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "row 1: column agent_id is missing"),
        ("id,name\n1,Ana\n", "row 1: column id is unknown"),
        (HEADER, "there is no agent in the file"),
        (HEADER + ",Ana,,,\n", "row 2, agent_id: is empty"),
        (HEADER + "ana,Ana,,,\nana,Ana B,,,\n", "row 3, agent_id: 'ana' is in row 2 too"),
        (HEADER + "ana,Ana,not an address,,\n", "row 2, email: 'not an address'"),
        (HEADER + "ana,Ana,,12,\n", "row 2, phone: '12'"),
        (HEADER + "ana,Ana,,,maybe\n", "row 2, active: 'maybe' is neither true nor false"),
        (HEADER + "ana,Torres, Ana,,,\n", "row 2, there are more values than columns"),
    ],
)
def test_a_fault_is_named_with_its_row_and_column(text: str, fault: str) -> None:
    with pytest.raises(AgentFileError, match="nothing has changed") as error:
        read_agents(text, region="US")
    assert fault in str(error.value)


def test_all_faults_of_a_file_are_named_at_once() -> None:
    """Mending a file one fault at a time costs a person an hour."""
    with pytest.raises(AgentFileError) as error:
        read_agents(HEADER + ",Ana,,,\nbo,Bo,wrong,,\ncy,Cy,,12,\n", region="US")
    assert [f"row {number}" in str(error.value) for number in (2, 3, 4)] == [True] * 3


ALL = (
    "agent_id,name,slack_id,weight,territories,price_low,price_high,lead_types,languages,time_zone,working_hours,"
    "time_off,cap_open\n"
)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("ana,Ana,@ana,,,,,,,,,,", "row 2, slack_id: '@ana' is no member id of Slack"),
        ("ana,Ana,,0,,,,,,,,,", "row 2, weight: '0' is no whole number from 1 to 100"),
        ("ana,Ana,,1.5,,,,,,,,,", "row 2, weight: '1.5' is no whole number"),
        ("ana,Ana,,,787,,,,,,,,", "row 2, territories: '787' is no ZIP code"),
        ("ana,Ana,,,,cheap,,,,,,,", "row 2, price_low: 'cheap' is no amount in dollars"),
        ("ana,Ana,,,,$2m,,,,,,,", "row 2, price_low: '$2m' is no amount in dollars"),
        ("ana,Ana,,,,5,4,,,,,,", "row 2, price_high: 4 is below price_low"),
        ("ana,Ana,,,,NaN,,,,,,,", "row 2, price_low"),
        ("ana,Ana,,,,,,tenant,,,,,", "row 2, lead_types: 'tenant' is not one of buyer, seller, renter"),
        ("ana,Ana,,,,,,,english,,,,", "row 2, languages: 'english' is no language in two letters"),
        ("ana,Ana,,,,,,,,Austin,,,", "row 2, time_zone: 'Austin' is no time zone"),
        ("ana,Ana,,,,,,,,,9-5,,", "row 2, working_hours: '9-5' is not like Mon-Fri 09:00-17:00"),
        ("ana,Ana,,,,,,,,,,tomorrow,", "row 2, time_off: 'tomorrow' is not like 2026-12-24"),
        ("ana,Ana,,,,,,,,,,,-1", "row 2, cap_open: '-1' is no whole number"),
        ("a na,Ana,,,,,,,,,,,", "row 2, agent_id: 'a na' has white space"),
    ],
)
def test_a_fault_in_any_column_is_named(row: str, fault: str) -> None:
    with pytest.raises(AgentFileError) as error:
        read_agents(f"{ALL}{row}\n", region="US")
    assert fault in str(error.value)


def test_two_agents_cannot_have_one_slack_id() -> None:
    with pytest.raises(AgentFileError, match="row 3, slack_id: 'U0ANA12' is in row 2 too"):
        read_agents("agent_id,name,slack_id\nana,Ana,U0ANA12\nbo,Bo,U0ANA12\n", region="US")


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(AgentFileError, match="column name is there twice"):
        read_agents("agent_id,name,name\nana,Ana,Anna\n", region="US")


def test_a_formula_in_a_cell_is_written_as_text_and_read_as_it_was() -> None:
    """A spreadsheet would compute =HYPERLINK(...) when somebody opens the export."""
    for value in ("=1+1", "+15125550142", "@ana", "-"):
        assert write_cell(value) == f"'{value}"
    row = read_agents("agent_id,name\nana,'=1+1\n", region="US")[0]
    assert row["name"] == "=1+1"
