// Lines of a metering gateway to readings and alarms.
//
//	1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY
//
// Unix seconds, a device, then values it measured and alarms it raised: one line makes any number of events. Empty
// lines and those that start with '#' make none.
package main

import (
	"strconv"
	"strings"

	"my_normalizer/defacto"
)

// Order of the events in the description.
const (
	reading = iota
	alarm
)

const description = `{"name": "my_normalizer", "version": "0.1.0", "events": [
  {"type": "reading", "description": "A device measured something.", "fields": [
    {"name": "device", "type": "string"},
    {"name": "quantity", "type": "string", "description": "What was measured, and in which unit."},
    {"name": "value", "type": "number"}]},
  {"type": "alarm", "description": "A device wants attention.", "fields": [
    {"name": "device", "type": "string"},
    {"name": "code", "type": "string"}]}]}`

type gateway struct{}

func init() { defacto.Export(gateway{}) }

// Never called: the engine calls what init has exported.
func main() {}

func (gateway) Describe(config string) (string, error) { return description, nil }

func (gateway) Normalize(config string, record defacto.Record, events *defacto.Events) error {
	if record.Kind != defacto.Text {
		return defacto.Fail("INPUT", "this normalizer reads `input: text`")
	}
	line := record.Text
	if strings.HasPrefix(line, "#") {
		return nil
	}
	time, line := word(line)
	if time == "" {
		return nil
	}
	seconds, ok := digits(time, 11)
	if !ok {
		return defacto.Fail("BAD_TIME", "'"+time+"' is no time in Unix seconds")
	}
	device, line := word(line)
	if device == "" {
		return defacto.Fail("NO_DEVICE", "the line has no device")
	}
	at := seconds * 1_000_000
	for item, line := word(line); item != ""; item, line = word(line) {
		if code, ok := strings.CutPrefix(item, "!"); ok {
			events.Add(alarm, at, defacto.String(device), defacto.String(code))
			continue
		}
		quantity, text, ok := strings.Cut(item, "=")
		if !ok {
			return defacto.Fail("BAD_ITEM", "'"+item+"' is neither NAME=VALUE nor !CODE")
		}
		value, ok := number(text)
		if !ok {
			return defacto.Fail("BAD_VALUE", "'"+text+"' is no number").In("value")
		}
		events.Add(reading, at, defacto.String(device), defacto.String(quantity), defacto.Number(value))
	}
	return nil
}

// word cuts off the first word of a line; it is empty at the end.
func word(line string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimLeft(line, " "), " ")
	return first, rest
}

// digits reads digits and nothing else, at most so many.
func digits(text string, most int) (int64, bool) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	value, err := strconv.ParseInt(text, 10, 64)
	return value, err == nil && len(text) <= most
}

// number reads digits, with a minus before and a fraction after them if need be; at most fifteen digits, which are
// exact.
func number(text string) (float64, bool) {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if _, ok := digits(whole, 15-len(fraction)); !ok {
		return 0, false
	}
	if _, ok := digits(fraction, 15); point && !ok {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil
}
