"""A call in a menu, from Exotel's questions to what is kept: one turn for each thing a caller does, whatever is repeated, raced or lost."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from ringback.domain.errors import Conflict
from ringback.domain.facts import TurnTaken, Unparsed
from ringback.domain.menus import State
from ringback.domain.turns import FeedbackRecorded, KeyPressed, MenuEnded, OptedIn, Voted
from ringback.services import contacts as people
from ringback.services import facts, metrics
from ringback.store import calls, contacts
from ringback.store.tables import ContactRow, connection
from tests.deployment import (
    CALLER,
    GRIEVANCE_LINE,
    MENU_IN_ENGLISH,
    MENU_IN_HINDI,
    MORNING,
    OPT_OUT,
    OTHER_CALLER,
    POLL_LINE,
    VOLUNTEER,
    Deployment,
    client,
    emitted,
    local,
)
from tests.integration.functions import http, running, turn
from tests.integration.wire import AwsRequest, Moment, listening

QUESTION = "What is the problem? If the water is dirty, press 1. If no water comes, press 2. If a hand pump is broken, press 3."
GIVE_UP = "We will stop here. Please call again whenever it suits you. Thank you."


def turns(deployment: Deployment, call_id: str = "call-1") -> list[TurnTaken]:
    """The turns that the journal holds, in their order."""
    found = [facts.read(entry) for entry in deployment.entries() if entry.source_id == f"exotel:{call_id}"]
    return sorted(
        (fact for fact in found if isinstance(fact, TurnTaken)),
        key=lambda turn: turn.turn,
    )


def kept(deployment: Deployment, call_id: str = "call-1") -> calls.Call:
    call = calls.load(f"exotel:{call_id}")
    assert call is not None
    return call


def republished(deployment: Deployment, **said: str) -> None:
    """The campaign says some of its English prompts of the main menu in other words."""

    def change(document: dict[str, Any]) -> None:
        for prompt, words in said.items():
            document["voice"]["menus"]["main"]["prompts"][prompt]["en"] = words

    deployment.publish("clean-water", change)


# A walk


def test_a_walk_in_hindi_is_kept_turn_by_turn(deployment: Deployment) -> None:
    """From the ring to the goodbye: four questions of Exotel's, four turns, each with what it came to."""
    caller = deployment.begin(CALLER, MENU_IN_HINDI)
    caller.wait()
    caller.press("4")
    said = caller.press("1")

    assert said == "धन्यवाद। जानकारी एसएमएस से आएगी। फ़ोन करने के लिए धन्यवाद। नमस्ते।"
    assert [turn.node for turn in turns(deployment)] == ["language", "choose", "updates", "goodbye"]
    assert OptedIn("sms") in turns(deployment)[-1].effects
    assert MenuEnded(True, "subscribed") in turns(deployment)[-1].effects


def test_the_journal_has_what_the_provider_told_beside_what_it_came_to(deployment: Deployment) -> None:
    deployment.begin(CALLER, MENU_IN_HINDI).press("4")

    assert "&CallSid=call-1&" in deployment.entries()[-1].raw
    assert deployment.entries()[-1].raw.endswith("digits=%224%22&CurrentTime=2026-03-02+11%3A00%3A06")


def test_what_a_call_told_of_its_caller_is_remembered(deployment: Deployment) -> None:
    """The contact, the language that was kept, the consent with its call (F31): whatever order the facts come in."""
    caller = deployment.begin(CALLER, MENU_IN_HINDI)
    caller.wait()
    caller.press("4")
    caller.press("1")
    entries = deployment.entries()
    for entry in (*reversed(entries), *entries):
        assert deployment.reaction.react([entry], counting=False) == []
    contact = deployment.known()

    assert (contact.language, contact.language_offered) == ("hi", True)
    assert contact.consents["sms"].cause == "exotel:call-1/turn-4"
    assert contact.signals == {"information"}
    assert set(contact.first_calls.values()) == {"exotel:call-1"}, (
        "the call counts, not the turn that came first"
    )


def test_whoever_chose_a_language_is_answered_in_it_ever_after(deployment: Deployment) -> None:
    deployment.begin(CALLER, MENU_IN_ENGLISH).press("3")
    deployment.react()
    again = deployment.begin(CALLER, MENU_IN_HINDI, call_id="call-2")

    assert again.branch == "ask"
    assert again.heard[0].startswith("नमस्कार. हे")


def test_nine_ends_the_call_and_leaves_the_caller_alone(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    said = caller.press("9")
    deployment.settle()

    assert said == "We will not call you or write to you any more. Goodbye."
    assert deployment.known().opted_out_at is not None
    deployment.ring(CALLER, VOLUNTEER, call_id="call-2")
    deployment.settle()
    assert deployment.provider.taken == []


def test_whoever_subscribes_after_opting_out_is_written_to_again(deployment: Deployment) -> None:
    """They come back by their own will, by a key. Told in any order and twice, the later of the two stands."""
    deployment.ring(CALLER, OPT_OUT, call_id="call-1")
    deployment.settle()
    deployment.clock.move(hours=1)
    caller = deployment.begin(CALLER, MENU_IN_HINDI, call_id="call-2")
    caller.wait()
    caller.press("4")
    deployment.settle()
    assert deployment.known().opted_out_at is not None, "a call alone says nothing"
    caller.press("1")
    entries = deployment.entries()
    for entry in (*reversed(entries), *entries):
        assert deployment.reaction.react([entry], counting=False) == []
    assert deployment.known().opted_out_at is None
    deployment.ring(CALLER, VOLUNTEER, call_id="call-3")
    deployment.settle()

    assert [sms.to for sms in deployment.provider.taken] == [CALLER]


def test_whoever_opts_out_again_after_subscribing_is_left_alone(deployment: Deployment) -> None:
    """Also by an operator who was told before: each time is a fact of its own, and a replay finds all of them."""
    caller = deployment.begin(CALLER, MENU_IN_HINDI)
    caller.wait()
    caller.press("4")
    deployment.settle()
    people.opt_out(deployment.runtime, "clean-water", CALLER)
    deployment.clock.move(minutes=1)
    caller.press("1")
    deployment.settle()
    assert deployment.known().opted_out_at is None
    deployment.clock.move(minutes=1)
    people.opt_out(deployment.runtime, "clean-water", CALLER)
    deployment.settle()
    left_at = deployment.known().opted_out_at
    connection(ContactRow).delete_item(deployment.person())
    facts.replay(deployment.runtime, MORNING, MORNING + timedelta(days=1))

    assert left_at == deployment.clock.now()
    assert left_at == deployment.known().opted_out_at
    assert deployment.known().consents == {}


def test_subscribing_lifts_nothing_that_the_provider_says_of_the_number(deployment: Deployment) -> None:
    deployment.ring(CALLER, OPT_OUT, call_id="call-1")
    deployment.settle()
    contacts.suppress(deployment.person(), "suppress-contact")
    caller = deployment.begin(CALLER, MENU_IN_HINDI, call_id="call-2")
    caller.wait()
    caller.press("4")
    caller.press("1")
    deployment.ring(CALLER, VOLUNTEER, call_id="call-3")
    deployment.settle()

    assert deployment.known().opted_out_at is None
    assert deployment.known().suppressed == "suppress-contact"
    assert deployment.provider.taken == []


def test_counts_agree_with_their_recount(deployment: Deployment) -> None:
    """Complete and abandoned calls, how far each came, and consents (F30), by the hour."""
    caller = deployment.begin(CALLER, MENU_IN_HINDI)
    for key in ("", "4", "1"):
        caller.press(key)
    deployment.begin(OTHER_CALLER, MENU_IN_ENGLISH, call_id="call-2").wait()
    deployment.clock.move(minutes=6)
    assert deployment.sweep() == 1
    deployment.react()
    deployment.clock.move(seconds=1)

    hindi = (" number:+918040001022", " source:wall-painting")
    english = (" number:+918040001021", " source:website")
    assert deployment.counts() == {
        "raw": 2,
        "unique": 2,
        **{f"{count}{place}": 1 for count in ("raw", "unique") for place in (*hindi, *english)},
        "ivr": 2,
        "ivr-complete": 1,
        "ivr-abandoned": 1,
        "furthest main subscribed": 1,
        "furthest main choose": 1,
        "opted-in": 1,
    }
    assert metrics.recount(deployment.runtime) == {}


def test_a_number_with_a_text_and_a_menu_sends_the_one_and_says_the_other(deployment: Deployment) -> None:
    def change(document: dict[str, Any]) -> None:
        document["numbers"][0]["menu"] = "main"

    deployment.publish("clean-water", change)
    caller = deployment.begin(CALLER, VOLUNTEER)
    caller.wait()
    deployment.settle()

    assert caller.branch == "ask"
    assert len(deployment.provider.taken) == 1


# Repeats and races


def test_one_key_pressed_three_times_at_one_node_is_three_turns_however_often_each_is_told(
    deployment: Deployment,
) -> None:
    """R18: a looping menu hears the same key many times; a fact's key holds the turn, and a repeat is known by its fingerprint."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.wait()
    for _ in range(3):
        said = caller.press("0")
        assert [caller.repeat(-1), caller.repeat(-1)] == [said, said]
    presses = [
        effect for turn in turns(deployment) for effect in turn.effects if isinstance(effect, KeyPressed)
    ]

    assert presses == [KeyPressed("choose", "0", valid=True)] * 3
    assert [turn.turn for turn in turns(deployment)] == [1, 2, 3, 4, 5]
    assert kept(deployment).turn == 5


def test_a_late_repeat_is_answered_as_it_was_then_and_changes_nothing(deployment: Deployment) -> None:
    """Each of the last answers is kept; an older one is answered with what is asked now."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.wait()
    caller.press("1")
    caller.do()
    before = kept(deployment)
    branches = [json.loads(deployment.ask("turn", request).body)["select"] for request in caller.requests]

    assert branches == ["ask", "ask", "say", "ask"]
    assert kept(deployment) == before
    assert len(turns(deployment)) == 4


def test_a_fragment_and_a_head_change_nothing(deployment: Deployment) -> None:
    """Exotel asks HEAD first; what it gets says what kind of answer is coming."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    before, query = kept(deployment), caller.requests[0] + "&digits=1"
    heads = [deployment.ask(step, query, method="HEAD") for step in ("turn", "gather", "say", "dial")]
    gets = [deployment.ask(step, query) for step in ("gather", "say", "dial")]

    assert [head.content_type for head in heads[1:]] == [get.content_type for get in gets]
    assert kept(deployment) == before
    assert len(turns(deployment)) == 1


def test_two_answers_racing_become_two_turns(deployment: Deployment) -> None:
    """The one that loses looks again and is taken as the answer to what is asked by then; neither is lost."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.wait()
    other = caller.requests[-1].replace("digits=null", "digits=%222%22").replace("06", "07")
    raced = []

    def overtake(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not raced:
            raced.append(request)
            deployment.ask("turn", other)

    with listening(overtake):
        said = caller.press("1")

    assert len(raced) == 1
    assert emitted("TurnRaced") == 1
    assert [turn.node for turn in turns(deployment)] == ["language", "choose", "issue", "dirty-water"]
    assert said.startswith("Your message is recorded")


def test_the_same_request_racing_itself_is_one_turn(deployment: Deployment) -> None:
    """R24: delivered twice at once, the second finds its answer made."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.wait()
    twins = []

    def overtake(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not twins:
            twins.append("")
            twins.append(deployment.ask("turn", caller.requests[-1]).body)

    with listening(overtake):
        caller.press("2")

    assert json.loads(twins[1]) == {"select": caller.branch}
    assert caller.heard[-1] == QUESTION
    assert len(turns(deployment)) == 3


def test_a_slow_request_that_lost_to_its_own_repeat_gets_the_answer_all_the_same(
    deployment: Deployment,
) -> None:
    """Its one try took longer than it may try again; who looks once more finds the answer."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.wait()
    twins = []

    def overtake(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not twins:
            twins.append("")
            twins.append(deployment.ask("turn", caller.requests[-1]).body)
            deployment.clock.move(seconds=2)

    with listening(overtake):
        caller.press("2")

    assert json.loads(twins[1]) == {"select": caller.branch}
    assert len(turns(deployment)) == 3


def test_a_race_that_is_lost_for_a_second_is_given_up(deployment: Deployment) -> None:
    """Then the door answers with an error, and Exotel takes the way out that the flow has."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    others = count(100)

    def overtake(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems":
            client("dynamodb").update_item(
                TableName="test-calls",
                Key={"call": {"S": "exotel:call-1"}},
                UpdateExpression="SET turn = :n",
                ExpressionAttributeValues={":n": {"N": str(next(others))}},
            )

    with listening(overtake), pytest.raises(Conflict):
        caller.press("1")


def test_every_call_is_found_again_live_or_over(deployment: Deployment) -> None:
    deployment.begin(CALLER, MENU_IN_ENGLISH).press("9")
    deployment.begin(OTHER_CALLER, POLL_LINE, call_id="call-2")

    assert {(call.call_id, call.is_live) for call in calls.every()} == {
        ("exotel:call-1", False),
        ("exotel:call-2", True),
    }


# Content that changes


def test_a_call_keeps_the_content_it_began_with(deployment: Deployment) -> None:
    """Also in another process, which has never seen the older version; the next call hears the new one."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.wait()
    republished(deployment, issue="Tell us: dirty, press 1. None, press 2. Pump, press 3.")
    deployment.restart()
    old = caller.press("2")
    later = deployment.begin(OTHER_CALLER, MENU_IN_ENGLISH, call_id="call-2")
    later.wait()

    assert old == QUESTION
    assert later.press("2") == "Tell us: dirty, press 1. None, press 2. Pump, press 3."
    assert [turn.version for turn in turns(deployment)] == [1, 1, 1]


def test_a_menu_withdrawn_while_somebody_is_in_it_still_leads_them_to_its_end(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)

    def change(document: dict[str, Any]) -> None:
        document["numbers"] = [number for number in document["numbers"] if "main" not in number.values()]
        del document["voice"]["menus"]["main"]

    deployment.publish("clean-water", change)
    deployment.restart()
    caller.wait()

    assert caller.press("2") == QUESTION


def test_content_that_is_gone_altogether_ends_the_call_politely_and_counts_it(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    republished(deployment, issue="Dirty, press 1. None, press 2. Pump, press 3.")
    client("dynamodb").delete_item(
        TableName="test-catalog", Key={"campaign": {"S": "clean-water"}, "version": {"S": "v00001"}}
    )
    deployment.restart()
    said = caller.wait()

    assert (caller.branch, said) == ("end", GIVE_UP)
    assert turns(deployment)[-1].effects == (MenuEnded(False, "language"),)


# Bad input


def test_keys_for_a_call_we_never_saw_begin_it(deployment: Deployment) -> None:
    """The first question may have been lost; the keys were an answer to nothing we asked, and the journal has them."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH, call_id="call-9")
    caller.call_id, caller.told["CallSid"] = "call-1", "call-1"
    said = caller.press("4")

    assert said.startswith("Namaste. This is the Clean Water Campaign")
    assert [turn.effects for turn in turns(deployment)] == [()]
    assert "digits=%224%22" in deployment.entries()[-1].raw


def test_keys_after_the_end_are_kept_and_answered_with_a_goodbye(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    caller.press("9")
    said = caller.press("1")

    assert (caller.branch, said) == ("end", GIVE_UP)
    assert turns(deployment)[-1].effects == ()
    assert kept(deployment).session.state is State.ENDED


def test_a_fragment_of_a_call_nobody_knows_is_a_goodbye_in_the_language_of_the_number(
    deployment: Deployment,
) -> None:
    query = f"CallSid=call-7&To={local(MENU_IN_HINDI)}"
    said = deployment.ask("say", query)
    asked = json.loads(deployment.ask("gather", query).body)

    assert said.body == "हम यहीं रुकते हैं। जब सुविधा हो, फिर फ़ोन करें। धन्यवाद।"
    assert asked["gather_prompt"] == {"text": said.body}
    assert deployment.entries() == []


@pytest.mark.parametrize(
    "query",
    [
        f"CallSid=call-1&To={local(VOLUNTEER)}&From={local(CALLER)}",
        "CallSid=call-1&To=09999999999",
        "CallSid=call-1",
        "CallSid=call-1&To=08040001021&digits=1&digits=2",
        "To=08040001021",
    ],
    ids=["a number without a menu", "not our number", "no number", "two answers in one", "no call"],
)
def test_what_leads_to_no_menu_is_kept_and_let_go_politely(deployment: Deployment, query: str) -> None:
    answer = deployment.ask("turn", query)

    assert json.loads(answer.body) == {"select": "end"}
    assert isinstance(facts.read(deployment.entry()), Unparsed)


def test_a_campaign_is_not_told_of_anothers_call(deployment: Deployment) -> None:
    """A token opens its own campaign's calls and no other."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    before = kept(deployment)
    answer = deployment.ask("turn", caller.requests[-1] + "&digits=1", campaign="library-hours")

    assert json.loads(answer.body) == {"select": "hang-up"}
    assert kept(deployment) == before


def test_who_withholds_their_number_walks_the_menu_and_is_nobody(deployment: Deployment) -> None:
    caller = deployment.begin(None, POLL_LINE)
    caller.wait()
    said = caller.press("1")
    deployment.react()

    assert said.startswith("Thank you. Your answer is noted.")
    assert Voted("first-need", "piped-water") in turns(deployment)[-1].effects
    assert deployment.counts()["ivr-complete"] == 1


# Recordings and silence


def test_a_recording_is_told_of_again_and_again_and_kept_once(deployment: Deployment) -> None:
    """Exotel repeats RecordingUrl and the last keys in every later request; what was asked says which of them is meant."""
    caller = deployment.begin(CALLER, GRIEVANCE_LINE)
    caller.wait()
    caller.press("1")
    assert caller.branch == "record"
    caller.speak("https://recordings.exotel.com/exotelrecordings/ringback1/r-1.wav")
    assert caller.branch == "play"
    caller.press("2")
    caller.speak("https://recordings.exotel.com/exotelrecordings/ringback1/r-2.wav")
    caller.press("1")
    said = [
        effect
        for turn in turns(deployment)
        for effect in turn.effects
        if isinstance(effect, FeedbackRecorded)
    ]

    assert [each.url.rpartition("/")[2] for each in said] == ["r-2.wav"]


def test_a_message_nobody_spoke_is_asked_for_again(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, GRIEVANCE_LINE)
    caller.wait()
    caller.press("1")
    caller.do()

    assert caller.branch == "record"
    assert kept(deployment).session.tries == 1


def test_a_caller_who_leaves_without_a_word_is_ended_after_a_while(deployment: Deployment) -> None:
    """F30: nobody tells us that an incoming call is over. Whoever is still there presses on, and is not ended."""
    deployment.begin(CALLER, MENU_IN_ENGLISH).wait()
    deployment.clock.move(minutes=4)
    staying = deployment.begin(OTHER_CALLER, MENU_IN_ENGLISH, call_id="call-2")
    assert deployment.sweep() == 0
    deployment.clock.move(minutes=2)
    staying.wait()

    assert (deployment.sweep(), deployment.sweep()) == (1, 0)
    assert kept(deployment).session.state is State.HUNG_UP
    assert kept(deployment, "call-2").session.state is State.TALKING
    assert turns(deployment)[-1].effects == (MenuEnded(False, "choose"),)


def test_a_key_that_overtakes_the_sweep_wins(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    deployment.clock.move(minutes=6)
    pressed = []

    def overtake(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE and request.operation == "TransactWriteItems" and not pressed:
            pressed.append("")
            pressed.append(caller.wait())

    with listening(overtake):
        assert deployment.sweep() == 0

    assert kept(deployment).session.state is State.TALKING


def test_what_was_said_before_leaving_at_the_review_is_kept(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, GRIEVANCE_LINE)
    caller.wait()
    caller.press("1")
    caller.speak("https://recordings.exotel.com/exotelrecordings/ringback1/r-1.wav")
    deployment.clock.move(minutes=6)
    deployment.sweep()

    assert isinstance(turns(deployment)[-1].effects[0], FeedbackRecorded)


def test_a_key_press_costs_one_read_and_one_transaction(deployment: Deployment) -> None:
    """The content is at hand by its version; only a call's first turn reads more."""
    caller = deployment.begin(CALLER, MENU_IN_ENGLISH)
    asked: list[str] = []

    def note(moment: Moment, request: AwsRequest) -> None:
        if moment is Moment.BEFORE:
            asked.append(request.operation)

    query = caller.requests[0].replace("03", "09") + "&digits=2"
    with listening(note):
        deployment.ask("turn", query)

    assert asked == ["GetItem", "TransactWriteItems"]


# The door


def test_the_door_answers_head_with_the_headers_of_get_and_without_a_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SOURCE: Exotel asks HEAD before a Greeting's GET, and plays nothing when their types differ."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    with running(monkeypatch) as functions:
        functions.invoke("voice_webhook", turn("call-1", MENU_IN_ENGLISH, 0))
        for step in ("turn", "gather", "say", "dial"):
            get = functions.invoke("voice_webhook", turn("call-1", MENU_IN_ENGLISH, 0, step))
            event = turn("call-1", MENU_IN_ENGLISH, 0, step)
            event["requestContext"]["http"]["method"] = "HEAD"
            head = functions.invoke("voice_webhook", event)

            assert (head["statusCode"], head["headers"], head["body"]) == (200, get["headers"], "")
        wrong = functions.invoke("voice_webhook", http(f"/voice/{'x' * 43}/turn", "CallSid=call-1"))

        assert wrong["statusCode"] == 404
        # Whom to connect, where nobody is to be connected, is a forged question (A22).
        assert sorted(entry.step for entry in functions.entries()) == ["turn", "unparsed"]


def test_a_call_to_a_menu_counts_by_number_and_source_as_a_missed_call_does(deployment: Deployment) -> None:
    """F112: or nobody sees that the number of a menu is spread under false pretences."""
    for call_id in ("call-1", "call-2"):
        caller = deployment.begin(CALLER, MENU_IN_HINDI, call_id=call_id)
        caller.wait()
        caller.press("4")
        deployment.clock.move(seconds=1)
    deployment.ring(CALLER, VOLUNTEER, call_id="call-3")
    deployment.begin(OTHER_CALLER, MENU_IN_HINDI, call_id="call-4")
    deployment.settle()
    deployment.clock.move(seconds=1)

    counted = deployment.counts()
    for place in (f"number:{MENU_IN_HINDI}", "source:wall-painting"):
        assert (counted[f"raw {place}"], counted[f"unique {place}"]) == (3, 2)
    assert (counted["raw"], counted["unique"], counted["ivr"]) == (4, 2, 3)
    assert metrics.recount(deployment.runtime) == {}


def test_turns_that_come_in_any_order_count_their_caller_once(deployment: Deployment) -> None:
    caller = deployment.begin(CALLER, MENU_IN_HINDI)
    caller.wait()
    caller.press("4")
    for entry in reversed(deployment.entries()):
        assert deployment.reaction.react([entry]) == []
    deployment.clock.move(seconds=1)

    assert (deployment.counts()["raw"], deployment.counts()["unique"]) == (1, 1)
    assert metrics.recount(deployment.runtime) == {}


def test_who_hides_their_number_in_a_menu_is_a_call_without_a_caller(deployment: Deployment) -> None:
    deployment.begin(None, MENU_IN_HINDI)
    deployment.react()

    counted = deployment.counts()
    assert (counted["raw"], counted[f"raw number:{MENU_IN_HINDI}"], counted["withheld"]) == (1, 1, 1)
    assert "unique" not in counted


def test_who_is_proven_counts_as_verified_at_each_menu_they_come_to(deployment: Deployment) -> None:
    deployment.ring(CALLER, VOLUNTEER, call_id="call-1")
    deployment.settle()
    deployment.report(deployment.message(), "sent", "20005")
    deployment.begin(CALLER, MENU_IN_HINDI, call_id="call-2")
    deployment.settle()
    deployment.clock.move(seconds=1)

    assert deployment.counts()[f"verified number:{MENU_IN_HINDI}"] == 1
    assert metrics.recount(deployment.runtime) == {}
