/*
 * Lines of a metering gateway to readings and alarms.
 *
 *     1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY
 *
 * Unix seconds, a device, then values it measured and alarms it raised: one line makes any number of events.
 * Empty lines and those that start with '#' make none.
 */
#include "defacto.h"

/* Order of the events in the description. */
enum { READING, ALARM };

static const char DESCRIPTION[] =
    "{\"name\": \"my_normalizer\", \"version\": \"0.1.0\", \"events\": ["
    "  {\"type\": \"reading\", \"description\": \"A device measured something.\", \"fields\": ["
    "    {\"name\": \"device\", \"type\": \"string\"},"
    "    {\"name\": \"quantity\", \"type\": \"string\", \"description\": \"What was measured, and in which unit.\"},"
    "    {\"name\": \"value\", \"type\": \"number\"}]},"
    "  {\"type\": \"alarm\", \"description\": \"A device wants attention.\", \"fields\": ["
    "    {\"name\": \"device\", \"type\": \"string\"},"
    "    {\"name\": \"code\", \"type\": \"string\"}]}]}";

/* Digits, nothing else, at most `most` of them. */
static bool digits(slice text, size_t most, int64_t *number) {
    if (text.len == 0 || text.len > most) return false;
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        *number = *number * 10 + (text.ptr[i] - '0');
    }
    return true;
}

/* Digits, with a minus before and a fraction after them if need be; at most fifteen digits, which are exact. */
static bool number(slice text, double *value) {
    bool negative = text.len && text.ptr[0] == '-';
    if (negative) text.ptr++, text.len--;
    slice whole, fraction = text;
    int64_t high, low = 0;
    bool point = slice_cut(&fraction, '.', &whole);
    if (whole.len + fraction.len > 15 || !digits(whole, 15, &high)) return false;
    if (point && !digits(fraction, 15, &low)) return false;
    /* Both are exact, so that the quotient is the double nearest to the decimal number. */
    double scale = 1;
    for (size_t i = 0; i < fraction.len; i++) high *= 10, scale *= 10;
    *value = (double)(high + low) / scale;
    if (negative) *value = -*value;
    return true;
}

/* The next word; false at the end of the line. */
static bool word(slice *line, slice *found) {
    do {
        if (line->len == 0) return false;
        slice_cut(line, ' ', found);
    } while (found->len == 0);
    return true;
}

static normalizer_string_t quoted(slice text, const char *rest) {
    return text_join(slice_of("'"), text, slice_of(rest));
}

/* The events of a line, or false and why there are none. */
static bool normalize(slice line, events *out, normalizer_failure_t *why) {
    slice time, device, item;
    int64_t seconds;
    if ((line.len && line.ptr[0] == '#') || !word(&line, &time)) return true;
    if (!digits(time, 11, &seconds))
        return fail(why, "BAD_TIME", NULL, quoted(time, "' is no time in Unix seconds"));
    if (!word(&line, &device))
        return fail(why, "NO_DEVICE", NULL, text_of(slice_of("the line has no device")));

    int64_t at = seconds * 1000000;
    while (word(&line, &item)) {
        if (item.ptr[0] == '!') {
            defacto_engine_types_value_t *fields = events_push(out, ALARM, at, 2);
            set_text(&fields[0], device);
            set_text(&fields[1], (slice){item.ptr + 1, item.len - 1});
            continue;
        }
        slice quantity, text = item;
        double value;
        if (!slice_cut(&text, '=', &quantity))
            return fail(why, "BAD_ITEM", NULL, quoted(item, "' is neither NAME=VALUE nor !CODE"));
        if (!number(text, &value))
            return fail(why, "BAD_VALUE", "value", quoted(text, "' is no number"));
        defacto_engine_types_value_t *fields = events_push(out, READING, at, 3);
        set_text(&fields[0], device);
        set_text(&fields[1], quantity);
        set_number(&fields[2], value);
    }
    return true;
}

bool exports_normalizer_describe(
    normalizer_string_t *config, normalizer_string_t *said, normalizer_string_t *refused) {
    (void)refused; /* there are no settings that could be wrong */
    normalizer_string_free(config);
    *said = text_of(slice_of(DESCRIPTION));
    return true;
}

void exports_normalizer_normalize(
    normalizer_string_t *config, normalizer_list_raw_record_t *batch,
    normalizer_list_result_list_event_failure_t *results) {
    results->len = batch->len;
    results->ptr = batch->len ? must(calloc(batch->len, sizeof *results->ptr)) : NULL;
    for (size_t i = 0; i < batch->len; i++) {
        normalizer_raw_record_t *record = &batch->ptr[i];
        normalizer_result_list_event_failure_t *result = &results->ptr[i];
        normalizer_failure_t why = {0};
        events made = {0};
        bool good = record->tag == DEFACTO_ENGINE_TYPES_RAW_RECORD_TEXT
                        ? normalize(slice_from(&record->val.text), &made, &why)
                        : fail(&why, "INPUT", NULL,
                               text_of(slice_of("this normalizer reads `input: text`")));
        result->is_err = !good;
        if (good) {
            result->val.ok = made.made;
        } else {
            events_drop(&made);
            result->val.err = why;
        }
    }
    normalizer_string_free(config);
    normalizer_list_raw_record_free(batch);
}
