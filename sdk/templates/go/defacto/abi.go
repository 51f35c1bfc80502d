//go:build wasm

package defacto

import (
	"errors"
	"math"
	"unsafe"
)

// The canonical ABI of the world `normalizer`, by hand: layouts are those of the component model, addresses are 32 bits.
// Go's collector does not move what it has allocated, so texts go out as they lie; `kept` holds them until the engine
// has read them.

type text struct{ ptr, len uint32 }

type rawRecord struct {
	kind uint32
	data text
}

type rawColumn struct{ name, text text }

type rawValue struct {
	tag     uint64
	payload [2]uint32
}

type rawEvent struct {
	kind   uint32
	_      uint32
	micros int64
	values text
}

type rawResult struct {
	failed  uint32
	first   text // the events, or the code
	field   uint32
	name    text
	message text
}

type call struct {
	given   [][]uint64 // what the engine has allocated here
	events  Events
	values  [][]rawValue
	made    [][]rawEvent
	results []rawResult
	errors  []*Failure
	answer  [3]uint32
	text    string
}

var kept call

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	block := make([]uint64, (size+7)/8+1)
	kept.given = append(kept.given, block)
	if old != nil {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&block[0])), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return unsafe.Pointer(&block[0])
}

//go:wasmexport describe
func describe(ptr unsafe.Pointer, length uint32) unsafe.Pointer {
	said, err := exported.Describe(unsafe.String((*byte)(ptr), length))
	kept.answer[0] = 0
	if err != nil {
		kept.answer[0], said = 1, err.Error()
	}
	kept.text = said
	out := lower(said)
	kept.answer[1], kept.answer[2] = out.ptr, out.len
	return unsafe.Pointer(&kept.answer)
}

//go:wasmexport cabi_post_describe
func postDescribe(unsafe.Pointer) { kept = call{} }

//go:wasmexport normalize
func normalize(ptr unsafe.Pointer, length uint32, batch unsafe.Pointer, count uint32) unsafe.Pointer {
	config := unsafe.String((*byte)(ptr), length)
	kept.results = make([]rawResult, count+1)
	for i, raw := range unsafe.Slice((*rawRecord)(batch), count) {
		before := len(kept.events.Made)
		err := exported.Normalize(config, lift(raw), &kept.events)
		if err != nil {
			kept.events.Made = kept.events.Made[:before]
			kept.results[i] = fail(err)
			continue
		}
		events := kept.events.Made[before:]
		made := make([]rawEvent, len(events))
		for k, event := range events {
			made[k] = rawEvent{kind: event.Type, micros: event.Micros, values: lowerValues(event.Values)}
		}
		kept.made = append(kept.made, made)
		kept.results[i].first = list(made)
	}
	kept.answer[0], kept.answer[1] = address(unsafe.Pointer(&kept.results[0])), count
	return unsafe.Pointer(&kept.answer)
}

//go:wasmexport cabi_post_normalize
func postNormalize(unsafe.Pointer) { kept = call{} }

func lift(raw rawRecord) Record {
	record := Record{Kind: Kind(raw.kind & 0xff)}
	if record.Kind != Row {
		record.Text = read(raw.data)
		return record
	}
	for _, column := range unsafe.Slice((*rawColumn)(pointer(raw.data.ptr)), raw.data.len) {
		record.Columns = append(record.Columns, Column{read(column.name), read(column.text)})
	}
	return record
}

func lowerValues(values []Value) text {
	raw := make([]rawValue, len(values))
	for i, value := range values {
		raw[i].tag = uint64(value.tag)
		switch value.tag {
		case tagText, tagJSON:
			out := lower(value.text)
			raw[i].payload = [2]uint32{out.ptr, out.len}
		case tagFloat:
			bits := math.Float64bits(value.float)
			raw[i].payload = [2]uint32{uint32(bits), uint32(bits >> 32)}
		default:
			raw[i].payload = [2]uint32{uint32(value.bits), uint32(value.bits >> 32)}
		}
	}
	kept.values = append(kept.values, raw)
	return list(raw)
}

func fail(err error) rawResult {
	var failure *Failure
	if !errors.As(err, &failure) {
		failure = Fail("FAILED", err.Error())
	}
	kept.errors = append(kept.errors, failure)
	out := rawResult{failed: 1, first: lower(failure.Code), message: lower(failure.Message)}
	if failure.Field != "" {
		out.field, out.name = 1, lower(failure.Field)
	}
	return out
}

func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }

func pointer(at uint32) unsafe.Pointer { return unsafe.Pointer(uintptr(at)) }

func lower(s string) text { return text{address(unsafe.Pointer(unsafe.StringData(s))), uint32(len(s))} }

func list[T any](items []T) text {
	return text{address(unsafe.Pointer(unsafe.SliceData(items))), uint32(len(items))}
}

func read(t text) string {
	if t.len == 0 {
		return ""
	}
	return unsafe.String((*byte)(pointer(t.ptr)), t.len)
}
