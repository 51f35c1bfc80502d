/*
 * Lines of a web server's log, in the combined format of Apache and nginx, to requests.
 *
 *     203.0.113.7 - ada [10/Feb/2026:13:55:36 +0100] "GET /shop?q=tea HTTP/1.1" 200 2326 "https://example.org/" "Mozilla/5.0"
 *
 * The referrer and the user agent may be missing (the common format). A request that is no HTTP, as scanners send it, becomes
 * an event of its own.
 */
#include "defacto.h"

/* Order of the events in the description. */
enum { REQUEST, NOISE };

static const char DESCRIPTION[] =
    "{\"name\": \"access_log\", \"version\": \"1.0.0\", \"events\": ["
    "  {\"type\": \"request\", \"description\": \"Somebody asked for a page.\", \"fields\": ["
    "    {\"name\": \"host\", \"type\": \"string\"},"
    "    {\"name\": \"user\", \"type\": \"string\", \"description\": \"Name that the server has checked.\"},"
    "    {\"name\": \"method\", \"type\": \"string\"},"
    "    {\"name\": \"path\", \"type\": \"string\", \"description\": \"Without the query.\"},"
    "    {\"name\": \"query\", \"type\": \"string\"},"
    "    {\"name\": \"status\", \"type\": \"integer\"},"
    "    {\"name\": \"bytes\", \"type\": \"integer\"},"
    "    {\"name\": \"referrer\", \"type\": \"string\"},"
    "    {\"name\": \"agent\", \"type\": \"string\"},"
    "    {\"name\": \"bot\", \"type\": \"boolean\", \"description\": \"The agent calls itself one.\"}]},"
    "  {\"type\": \"noise\", \"description\": \"Something that is no HTTP.\", \"fields\": ["
    "    {\"name\": \"host\", \"type\": \"string\"},"
    "    {\"name\": \"status\", \"type\": \"integer\"},"
    "    {\"name\": \"sent\", \"type\": \"string\"}]}]}";

static bool digits(slice text, int64_t *number) {
    *number = 0;
    if (text.len == 0 || text.len > 15) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        *number = *number * 10 + (text.ptr[i] - '0');
    }
    return true;
}

static bool is(slice text, const char *word) {
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* `-` stands for nothing. */
static void set_filled(defacto_engine_types_value_t *field, slice text) {
    if (text.len && !is(text, "-")) set_text(field, text);
}

/* What stands between quotes, in which a backslash takes the next character along; cuts the blank behind it too. */
static bool quoted(slice *rest, slice *inside) {
    if (rest->len == 0 || rest->ptr[0] != '"') return false;
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->ptr[i] == '\\') {
            i++;
        } else if (rest->ptr[i] == '"') {
            *inside = (slice){rest->ptr + 1, i - 1};
            size_t used = i + 1 < rest->len ? i + 2 : i + 1;
            *rest = (slice){rest->ptr + used, rest->len - used};
            return true;
        }
    }
    return false;
}

/* Days since 1970 of a day of the calendar, or false when there is no such day. */
static bool days(int64_t year, int64_t month, int64_t day, int64_t *since) {
    static const int LAST[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || year > 9998 || month < 1 || month > 12) return false;
    if (day < 1 || day > LAST[month - 1] + (month == 2 && leap)) return false;
    int64_t years = month > 2 ? year : year - 1, months = month > 2 ? month - 3 : month + 9;
    *since = years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719468;
    return true;
}

static bool number(const char *at, size_t count, int64_t *value) {
    return digits((slice){at, count}, value);
}

/* `10/Feb/2026:13:55:36 +0100`, 26 characters. */
static bool instant(slice text, int64_t *micros) {
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.len != 26) return false;
    const char *p = text.ptr;
    if (p[2] != '/' || p[6] != '/' || p[11] != ':' || p[14] != ':' || p[17] != ':' || p[20] != ' ') return false;
    int64_t day, month = 0, year, hour, minute, second, east, east_minutes, since;
    for (int64_t i = 0; i < 12; i++)
        if (memcmp(p + 3, MONTHS + 3 * i, 3) == 0) month = i + 1;
    if (!number(p, 2, &day) || !number(p + 7, 4, &year) || !days(year, month, day, &since)) return false;
    if (!number(p + 12, 2, &hour) || !number(p + 15, 2, &minute) || !number(p + 18, 2, &second)) return false;
    if (!number(p + 22, 2, &east) || !number(p + 24, 2, &east_minutes)) return false;
    if (hour > 23 || minute > 59 || second > 59 || east > 23 || east_minutes > 59) return false;
    int64_t offset = (east * 60 + east_minutes) * 60;
    if (p[21] == '-') offset = -offset;
    else if (p[21] != '+') return false;
    *micros = (since * 86400 + hour * 3600 + minute * 60 + second - offset) * 1000000;
    return true;
}

/* Whether the agent names itself a robot, in whatever case. */
static bool is_bot(slice agent) {
    static const char *const WORDS[] = {"bot", "crawler", "spider"};
    for (size_t w = 0; w < sizeof WORDS / sizeof *WORDS; w++) {
        size_t len = strlen(WORDS[w]);
        for (size_t i = 0; i + len <= agent.len; i++) {
            size_t k = 0;
            while (k < len && (agent.ptr[i + k] | 32) == WORDS[w][k]) k++;
            if (k == len) return true;
        }
    }
    return false;
}

static bool bad(normalizer_failure_t *why, const char *code, const char *field, slice text, const char *rest) {
    return fail(why, code, field, text_join(slice_of("'"), text, slice_of(rest)));
}

static bool normalize(slice line, events *out, normalizer_failure_t *why) {
    slice host, identity, user, time, request, status, bytes, referrer = {0}, agent = {0};
    slice whole = line;
    if (line.len == 0) return true;
    bool cut = slice_cut(&line, ' ', &host) && slice_cut(&line, ' ', &identity) && slice_cut(&line, ' ', &user);
    if (!cut || line.len == 0 || line.ptr[0] != '[')
        return bad(why, "FORMAT", NULL, whole, "' is no line of a web server's log");
    line.ptr++, line.len--;
    if (!slice_cut(&line, ']', &time) || line.len == 0 || line.ptr[0] != ' ')
        return bad(why, "FORMAT", NULL, whole, "' is no line of a web server's log");
    line.ptr++, line.len--;

    int64_t at, code, sent = 0;
    if (!instant(time, &at)) return bad(why, "TIME", NULL, time, "' is no time such as 10/Feb/2026:13:55:36 +0100");
    if (!quoted(&line, &request)) return bad(why, "FORMAT", NULL, whole, "' has no request in quotes");
    slice_cut(&line, ' ', &status);
    slice_cut(&line, ' ', &bytes);
    if (!digits(status, &code) || code < 100 || code > 999) return bad(why, "STATUS", "status", status, "' is no status");
    if (!is(bytes, "-") && !digits(bytes, &sent)) return bad(why, "BYTES", "bytes", bytes, "' is no number of bytes");
    if (line.len && (!quoted(&line, &referrer) || !quoted(&line, &agent)))
        return bad(why, "FORMAT", NULL, whole, "' ends in something else than referrer and agent");

    slice method, target, version = request;
    bool http = slice_cut(&version, ' ', &method) && slice_cut(&version, ' ', &target) && version.len > 5 &&
                memcmp(version.ptr, "HTTP/", 5) == 0;
    if (!http) {
        defacto_engine_types_value_t *fields = events_push(out, NOISE, at, 3);
        set_text(&fields[0], host);
        set_integer(&fields[1], code);
        set_text(&fields[2], request);
        return true;
    }
    slice path, query = target;
    slice_cut(&query, '?', &path);
    defacto_engine_types_value_t *fields = events_push(out, REQUEST, at, 10);
    set_text(&fields[0], host);
    set_filled(&fields[1], user);
    set_text(&fields[2], method);
    set_text(&fields[3], path);
    set_filled(&fields[4], query);
    set_integer(&fields[5], code);
    set_integer(&fields[6], sent);
    set_filled(&fields[7], referrer);
    set_filled(&fields[8], agent);
    set_boolean(&fields[9], is_bot(agent));
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
                        : fail(&why, "INPUT", NULL, text_of(slice_of("this normalizer reads `input: text`")));
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
