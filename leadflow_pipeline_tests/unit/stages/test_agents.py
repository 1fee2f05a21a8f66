"""The CSV of agents: all rows are good, or nothing is taken and every fault is named."""

import pytest

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
