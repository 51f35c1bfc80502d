use defacto_sdk::testing::{Host, Outcome};
use defacto_sdk::{Value, testing::Made};

use crate::Statements;

const JANUARY: &str = include_str!("../cases/january.sta");

fn read(file: &str) -> Outcome {
    let host = Host::<Statements>::new().table("kinds", &[("105", "direct debit")]);
    host.bytes(&[file.as_bytes()]).remove(0)
}

fn number(made: &Made, field: &str) -> f64 {
    match made.get(field) {
        Some(Value::Float(number)) => *number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bookings_and_the_closing_balance_become_events() {
    let read = read(JANUARY);
    assert_eq!(read.failure(), None);
    let closed: Vec<_> = read.events().iter().filter(|made| made.event_type == "closed").collect();
    assert!(closed.len() > 1);
    let debit = read.events().iter().find(|made| number_of(made) < 0.0).unwrap();
    assert_eq!(debit.event_type, "booked");
}

fn number_of(made: &Made) -> f64 {
    if made.event_type == "booked" { number(made, "amount") } else { 0.0 }
}

#[test]
fn a_wrong_balance_refuses_the_file() {
    let broken = JANUARY.replacen(":62F:C", ":62F:D", 1);
    let failure = read(&broken).failure().cloned().unwrap();
    assert_eq!(failure.code, "STATEMENT");
    assert!(failure.message.contains("apart"), "{}", failure.message);
}

#[test]
fn a_booking_at_the_turn_of_the_year_has_the_year_beside_it() {
    let file = ":20:X\n:25:DE1\n:28C:1\n:60F:C251231EUR0,00\n:61:2512310102C5,NTRFNONREF\n:62F:C260102EUR5,00\n-\n";
    assert_eq!(read(file).events()[0].timestamp.to_string(), "2026-01-02T00:00:00+00:00");
}

#[test]
fn nothing_is_read_from_damaged_files() {
    for end in 0..JANUARY.len() {
        if let Some(cut) = JANUARY.get(..end) {
            // Any outcome but a panic.
            read(cut);
        }
    }
    assert_eq!(read("").failure().unwrap().code, "EMPTY");
    let latin = Host::<Statements>::new().bytes(&[b":25:\xe4"]).remove(0);
    assert_eq!(latin.failure().unwrap().code, "ENCODING");
}

#[test]
fn settings_are_checked() {
    let refused = Host::<Statements>::new().config(r#"{"encoding": "ebcdic"}"#).describe();
    assert!(refused.unwrap_err().contains("ebcdic"));
}
