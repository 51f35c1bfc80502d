package main

import (
	"testing"

	"my_normalizer/defacto"
)

func line(text string) (*defacto.Events, error) {
	events := &defacto.Events{}
	err := gateway{}.Normalize("{}", defacto.Record{Kind: defacto.Text, Text: text}, events)
	return events, err
}

func TestALineMakesAnEventOfEachWord(t *testing.T) {
	events, err := line("1772352900 M-7731 kWh=12.5 !LOW_BATTERY")
	if err != nil || len(events.Made) != 2 {
		t.Fatal(events, err)
	}
	if events.Made[0].Type != reading || events.Made[0].Values[2] != defacto.Number(12.5) {
		t.Error(events.Made[0])
	}
	if events.Made[1].Type != alarm || events.Made[1].Micros != 1772352900000000 {
		t.Error(events.Made[1])
	}
}

func TestWhatIsNoNumberIsNamed(t *testing.T) {
	_, err := line("1772352900 M-7731 kWh=much")
	if err == nil || err.Error() != "'much' is no number" {
		t.Error(err)
	}
}

func TestNumbersAreExact(t *testing.T) {
	if value, ok := number("-0.5"); !ok || value != -0.5 {
		t.Error(value)
	}
	for _, text := range []string{"", "-", ".5", "5.", "1e3", "+1", "1234567890123456", "Inf"} {
		if _, ok := number(text); ok {
			t.Error(text)
		}
	}
}
