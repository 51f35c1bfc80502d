//go:build wasm

package defacto

import (
	"strings"
	"unsafe"
)

//go:wasmimport defacto:engine/host@0.1.0 log
func hostLog(level uint32, message unsafe.Pointer, length uint32)

//go:wasmimport defacto:engine/host@0.1.0 lookup
func hostLookup(table unsafe.Pointer, tableLength uint32, key unsafe.Pointer, keyLength uint32, answer unsafe.Pointer)

// Level says how much a message matters.
type Level uint32

const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Log writes a message to the engine's log. It changes no result.
func Log(level Level, message string) {
	hostLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
}

// Lookup is what a table that the project gives with the module (normalizers/NAME/TABLE.csv or .json) holds under a key.
func Lookup(table, key string) (string, bool) {
	var answer struct {
		some uint32
		text text
	}
	hostLookup(unsafe.Pointer(unsafe.StringData(table)), uint32(len(table)),
		unsafe.Pointer(unsafe.StringData(key)), uint32(len(key)), unsafe.Pointer(&answer))
	return strings.Clone(read(answer.text)), answer.some&0xff == 1
}
