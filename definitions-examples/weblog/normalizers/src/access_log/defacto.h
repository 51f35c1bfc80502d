/*
 * A thin layer over the generated bindings: slices, events, failures.
 *
 * Everything that goes back to the engine is allocated with malloc; the bindings free it after the call.
 */
#ifndef DEFACTO_H
#define DEFACTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/normalizer.h"

/* Text that somebody else owns; not terminated by a zero. */
typedef struct {
    const char *ptr;
    size_t len;
} slice;

static inline slice slice_of(const char *text) {
    return (slice){text, strlen(text)};
}

static inline slice slice_from(const normalizer_string_t *text) {
    return (slice){(const char *)text->ptr, text->len};
}

/* Cuts off what stands before the first `at`, or everything. False when there is no `at`. */
static inline bool slice_cut(slice *rest, char at, slice *before) {
    const char *found = rest->len ? memchr(rest->ptr, at, rest->len) : NULL;
    *before = (slice){rest->ptr, found ? (size_t)(found - rest->ptr) : rest->len};
    size_t used = before->len + (found ? 1 : 0);
    *rest = (slice){rest->ptr + used, rest->len - used};
    return found != NULL;
}

/* A trap ends the call: the record fails, the engine goes on. */
static inline void *must(void *memory) {
    if (!memory) __builtin_trap();
    return memory;
}

/* A new text of up to three pieces in a row. */
static inline normalizer_string_t text_join(slice a, slice b, slice c) {
    normalizer_string_t joined = {NULL, a.len + b.len + c.len};
    if (joined.len) {
        joined.ptr = must(malloc(joined.len));
        if (a.len) memcpy(joined.ptr, a.ptr, a.len);
        if (b.len) memcpy(joined.ptr + a.len, b.ptr, b.len);
        if (c.len) memcpy(joined.ptr + a.len + b.len, c.ptr, c.len);
    }
    return joined;
}

static inline normalizer_string_t text_of(slice a) {
    return text_join(a, (slice){0}, (slice){0});
}

/* The events of one record. */
typedef struct {
    normalizer_list_event_t made;
    size_t room;
} events;

/*
 * Adds an event: its place in what `describe` lists, microseconds since 1970, and how many fields it has.
 * Returns the fields, all null, in the order of `describe`.
 */
static inline defacto_engine_types_value_t *
events_push(events *out, uint32_t type, int64_t micros, size_t fields) {
    if (out->made.len == out->room) {
        out->room = out->room ? out->room * 2 : 4;
        out->made.ptr = must(realloc(out->made.ptr, out->room * sizeof *out->made.ptr));
    }
    normalizer_event_t *event = &out->made.ptr[out->made.len++];
    *event = (normalizer_event_t){.event_type = type, .timestamp = micros};
    event->values.len = fields;
    event->values.ptr = fields ? must(calloc(fields, sizeof *event->values.ptr)) : NULL;
    return event->values.ptr;
}

/* Forgets every event: the record has failed. */
static inline void events_drop(events *out) {
    normalizer_list_event_free(&out->made);
    *out = (events){0};
}

static inline void set_text(defacto_engine_types_value_t *field, slice text) {
    field->tag = DEFACTO_ENGINE_TYPES_VALUE_TEXT;
    field->val.text = text_of(text);
}

static inline void set_integer(defacto_engine_types_value_t *field, int64_t number) {
    field->tag = DEFACTO_ENGINE_TYPES_VALUE_INTEGER;
    field->val.integer = number;
}

static inline void set_number(defacto_engine_types_value_t *field, double number) {
    field->tag = DEFACTO_ENGINE_TYPES_VALUE_FLOAT;
    field->val.float_ = number;
}

static inline void set_boolean(defacto_engine_types_value_t *field, bool flag) {
    field->tag = DEFACTO_ENGINE_TYPES_VALUE_BOOLEAN;
    field->val.boolean = flag;
}

static inline void set_datetime(defacto_engine_types_value_t *field, int64_t micros) {
    field->tag = DEFACTO_ENGINE_TYPES_VALUE_DATETIME;
    field->val.datetime = micros;
}

/* Why a record gives no events; `field` may be NULL. Always false, so that one can write `return fail(...)`. */
static inline bool
fail(normalizer_failure_t *why, const char *code, const char *field, normalizer_string_t message) {
    why->code = text_of(slice_of(code));
    why->field.is_some = field != NULL;
    if (field) why->field.val = text_of(slice_of(field));
    why->message = message;
    return false;
}

#endif
