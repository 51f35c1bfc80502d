// Package defacto is what a normalizer in Go sees of the engine.
//
// Write a type with the methods of Normalizer and hand it to Export in an init function.
package defacto

// Normalizer turns raw records into events.
//
// A result may depend on the record, the configuration and the tables, and on nothing else: batches are repeated, split
// and spread over many instances.
type Normalizer interface {
	// Describe says what the module makes when it is configured so, as JSON (see wit/normalizer.wit), or what is wrong
	// with the configuration.
	Describe(config string) (string, error)

	// Normalize adds the events of one record, any number, or says why there are none: with Fail for a code of its own.
	// Texts of the record are valid during the call only; strings.Clone keeps one.
	Normalize(config string, record Record, events *Events) error
}

var exported Normalizer

// Export makes a normalizer the module's own.
func Export(n Normalizer) { exported = n }

// Kind of a record: the source's `input`.
type Kind uint8

const (
	JSON  Kind = iota // Text is the JSON object as it arrived
	Row               // Columns are the row's columns in order
	Text              // Text is a line without its end
	Bytes             // Text holds a document, such as a whole file
)

// Record is one raw record.
type Record struct {
	Kind    Kind
	Text    string
	Columns []Column
}

// Column is one column of a row. An empty field is an empty text.
type Column struct{ Name, Text string }

// Events of one record.
type Events struct{ Made []Event }

// Event is one normalized event.
type Event struct {
	Type   uint32 // place in what Describe lists
	Micros int64  // microseconds since 1970-01-01T00:00:00Z
	Values []Value
}

// Add adds an event: its place in what Describe lists, microseconds since 1970, and one value for each of its fields, in
// order.
func (e *Events) Add(kind uint32, micros int64, values ...Value) {
	e.Made = append(e.Made, Event{kind, micros, values})
}

// Value is a value of the definition language. The zero value is null.
type Value struct {
	tag   uint8
	bits  uint64
	text  string
	float float64
}

// Null is no value.
var Null = Value{}

// Boolean is true or false.
func Boolean(flag bool) Value {
	if flag {
		return Value{tag: tagBoolean, bits: 1}
	}
	return Value{tag: tagBoolean}
}

// Integer is a 64-bit integer.
func Integer(number int64) Value { return Value{tag: tagInteger, bits: uint64(number)} }

// Number is a finite double.
func Number(number float64) Value { return Value{tag: tagFloat, float: number} }

// String is text.
func String(text string) Value { return Value{tag: tagText, text: text} }

// DateTime is an instant in microseconds since 1970.
func DateTime(micros int64) Value { return Value{tag: tagDateTime, bits: uint64(micros)} }

// List is a list or an object, as JSON text.
func List(json string) Value { return Value{tag: tagJSON, text: json} }

const (
	tagNull = iota
	tagBoolean
	tagInteger
	tagFloat
	tagText
	tagDateTime
	tagDuration
	tagJSON
)

// Failure says why a record gives no events. It becomes a dead letter.
type Failure struct{ Code, Field, Message string }

// Fail makes a failure of a code (a letter, then up to 31 letters, digits, '-' and '_') and a sentence that names the value.
func Fail(code, message string) *Failure { return &Failure{Code: code, Message: message} }

// In gives the failure the field at fault.
func (f *Failure) In(field string) *Failure {
	f.Field = field
	return f
}

func (f *Failure) Error() string { return f.Message }
