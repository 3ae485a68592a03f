//! Every event to every function, over our own Runtime API each to one that was just started: one question, one answer,
//! whichever way it came.

use callgate_tests::Result;
use callgate_tests::events::{Event, GATEWAY_SHAPES};
use callgate_tests::providers::{PROVIDERS, Provider};
use serde_json::{Value, json};

use crate::carrier::Carrier;
use crate::desk::Desk;
use crate::golden::{assert_matches, golden};

#[tokio::test]
async fn over_our_own_runtime_api_every_event_is_answered_as_written_down() -> Result<()> {
    let Some(desk) = Desk::start().await? else { return Ok(()) };
    assert_every_event_is_answered(&desk, &mut Carrier::OurOwn).await
}

#[tokio::test]
async fn over_cargo_lambdas_runtime_api_every_event_is_answered_as_written_down() -> Result<()> {
    let Some(desk) = Desk::start().await? else { return Ok(()) };
    let Some(mut carrier) = Carrier::cargo_lambda().await? else { return Ok(()) };
    assert_every_event_is_answered(&desk, &mut carrier).await
}

async fn assert_every_event_is_answered(desk: &Desk, carrier: &mut Carrier) -> Result<()> {
    refresh(desk, carrier).await?;
    for provider in PROVIDERS {
        check(desk, carrier, provider).await?;
        warm(desk, carrier, provider).await?;
        refuse(desk, carrier, provider).await?;
        refuse_method(desk, carrier, provider).await?;
    }
    Ok(())
}

/// token-refresh: what it is for, twice, and every other event.
async fn refresh(desk: &Desk, carrier: &mut Carrier) -> Result<()> {
    let expected = golden("token-refresh");
    let others = GATEWAY_SHAPES.into_iter().chain(["direct", "warm", "scheduled_warm"]);
    let others = others.map(|shape| (shape, "no_refresh"));
    for (shape, answer) in [("refresh", "first"), ("scheduled_refresh", "second")].into_iter().chain(others) {
        let mut function = carrier.start("callgate-token-refresh", &desk.environment()).await?;
        let answered = function.invoke(Event::load(shape)?).await?.json()?;
        assert_matches(&format!("token-refresh {shape}"), &expected[answer], &answered);
    }
    Ok(())
}

/// A check in every shape: the verdict first, then its two short forms and a faulty question to the same process.
async fn check(desk: &Desk, carrier: &mut Carrier, provider: Provider) -> Result<()> {
    let expected = golden(provider.name);
    let answers = golden("answers");
    let with = |field: &str, value: Value| {
        let mut question = expected["question"].clone();
        question[field] = value;
        question
    };
    let bit = json!(if expected["verdict"]["accept"] == true { "1" } else { "0" });
    let forms = [
        ("verdict", expected["question"].clone(), &Value::Null),
        ("text", with("as", json!("bool")), &bit),
        ("text", with("as", json!("count")), &expected["count"]),
        ("problem", with("deadline_ms", json!(60_000)), &answers["faulty"]),
    ];
    for shape in GATEWAY_SHAPES.into_iter().chain(["direct"]) {
        let mut function = carrier.start(provider.package, &desk.environment()).await?;
        for (form, question, body) in &forms {
            let event = Event::load(shape)?.provider(provider.name).asking(question);
            let outcome = function.invoke(event).await?;
            let what = format!("{provider} {shape} {question}");
            let first = *form == "verdict" && function.is_cold();
            match (shape, *form) {
                ("direct", "problem") => assert_matches(&what, body, &outcome.json()?),
                // A direct invocation gets the verdict, whatever form is asked for.
                ("direct", _) => assert_matches(&what, &verdict(&expected, first), &outcome.json()?),
                (_, form) => {
                    assert_matches(&what, &answers[form], &outcome.json()?);
                    let answer = outcome.gateway()?;
                    match form {
                        "text" => assert_matches(&what, body, &Value::from(answer.body)),
                        "verdict" => assert_matches(&what, &verdict(&expected, first), &answer.json()?),
                        _ => assert_matches(&what, body, &answer.json()?),
                    }
                }
            }
        }
    }
    Ok(())
}

/// The verdict that was written down. What a process remembers from its first check spares the next ones a request.
fn verdict(expected: &Value, first: bool) -> Value {
    let mut verdict = expected["verdict"].clone();
    if !first {
        verdict["upstream_requests"] = json!("*");
    }
    verdict
}

/// Warming answers for the connection it warmed, and asks the provider nothing.
async fn warm(desk: &Desk, carrier: &mut Carrier, provider: Provider) -> Result<()> {
    let expected = &golden("answers")["warmed"];
    let before = desk.authorized_requests(provider);
    assert!(before > 0, "{provider}: the simulator does not tell what it was asked");
    for shape in ["warm", "scheduled_warm"] {
        let mut function = carrier.start(provider.package, &desk.environment()).await?;
        let answered = function.invoke(Event::load(shape)?).await?.json()?;
        assert_matches(&format!("{provider} {shape}"), expected, &answered);
    }
    assert_eq!(desk.authorized_requests(provider), before, "{provider}: warming sent a credential");
    Ok(())
}

/// An event of token-refresh is no check.
async fn refuse(desk: &Desk, carrier: &mut Carrier, provider: Provider) -> Result<()> {
    let expected = &golden("answers")["no_check"];
    for shape in ["refresh", "scheduled_refresh"] {
        let mut function = carrier.start(provider.package, &desk.environment()).await?;
        let answered = function.invoke(Event::load(shape)?).await?.json()?;
        assert_matches(&format!("{provider} {shape}"), expected, &answered);
    }
    Ok(())
}

/// A method that is none of the API's is answered with those that are.
async fn refuse_method(desk: &Desk, carrier: &mut Carrier, provider: Provider) -> Result<()> {
    let answers = golden("answers");
    for shape in GATEWAY_SHAPES {
        let mut function = carrier.start(provider.package, &desk.environment()).await?;
        let event = Event::load(shape)?.provider(provider.name).method("DELETE");
        let outcome = function.invoke(event).await?;
        let what = format!("{provider} {shape} DELETE");
        assert_matches(&what, &answers["method_not_allowed"], &outcome.json()?);
        assert_matches(&what, &answers["wrong_method"], &outcome.gateway()?.json()?);
    }
    Ok(())
}
