// SPDX-License-Identifier: Apache-2.0
#include "score/alert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A line that grows; what does not fit is cut. */
struct line {
	char *text;
	size_t room, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct line *line, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line->text + line->len, line->room - line->len, format, args);
	va_end(args);
	if (len > 0)
		line->len += (size_t)len;
	if (line->len >= line->room)
		line->len = line->room - 1;
}

static void say_bytes(struct line *line, struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		say(line, "%c", text.data[i] < ' ' || text.data[i] > '~' ? '?' : text.data[i]);
}

/* 18,233 */
static void say_count(struct line *line, uint64_t number)
{
	char digits[27];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	for (int n = 0; n == 0 || number; n++, number /= 10) {
		if (n && n % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + number % 10);
	}
	say(line, "%s", p);
}

/* Q10 bits with one decimal, rounded away from zero. */
static void say_bits(struct line *line, int64_t q10)
{
	uint64_t size = q10 < 0 ? 0 - (uint64_t)q10 : (uint64_t)q10;
	uint64_t tenths = size / 1024 * 10 + (size % 1024 * 10 + 512) / 1024;

	say(line, "%c%" PRIu64 ".%" PRIu64 " bits", q10 < 0 ? '-' : '+', tenths / 10, tenths % 10);
}

/* Severity texts begin with the technique id. */
static size_t technique_length(const struct alert_part *part)
{
	size_t len = 0;

	if (part->feature != FEATURE_SEVERITY)
		return 0;
	while (len < part->text.len && part->text.data[len] != ' ')
		len++;
	return len < part->text.len ? len : 0;
}

static void say_token(struct line *line, const struct alert_part *part)
{
	const struct feature_row *row = feature_row(part->feature);
	size_t skip = technique_length(part);

	if (skip) /* "T1003.008 read password hashes: ..." says its own verb */
		skip++;
	else
		say(line, "%s ", row->verb);
	say_bytes(line, bytes_of(part->text.data + skip, part->text.len - skip));
	say(line, part->user ? " (" : " first time (");
	say_count(line, part->user);
	say(line, " of ");
	say_count(line, part->of_user);
	say(line, " %ss), peers %" PRIu64 "/%" PRIu64 ", ", row->event, part->peers_with,
	    part->peers);
	say_bits(line, part->contribution);
}

static void say_part(struct line *line, const struct alert_part *part)
{
	if (feature_row(part->feature)) {
		say_token(line, part);
		return;
	}
	if (part->feature == PART_REST) {
		say(line, "other tokens (");
		say_count(line, part->user);
		say(line, ") ");
	} else {
		say(line, "drift (");
		say_count(line, part->user);
		say(line, " records) ");
	}
	say_bits(line, part->contribution);
}

static void say_techniques(struct line *line, const struct alert_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		size_t len = technique_length(&parts->part[i]);

		if (!len)
			continue;
		say(line, "; ");
		say_bytes(line, bytes_of(parts->part[i].text.data, len));
	}
}

/* How much of a baseline the entity had, while that was not complete. */
static void say_baseline(struct line *line, const struct alert_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct alert_part *part = &parts->part[i];

		if (part->feature != PART_DRIFT || !part->peers)
			continue;
		say(line, "; baseline ");
		say_count(line, part->peers_with);
		say(line, "/");
		say_count(line, part->peers);
	}
}

ssize_t alert_explain(const struct record *alert, char *to, size_t room)
{
	struct line line = { .text = to, .room = room };
	struct alert_parts parts;

	if (!room)
		return -EINVAL;
	if (alert_parts_decode(alert->parts, &parts))
		return -EBADMSG;
	to[0] = '\0';
	say_bytes(&line, alert->entity);
	for (size_t i = 0; i < parts.count; i++) {
		say(&line, i ? "; " : " ");
		say_part(&line, &parts.part[i]);
	}
	say_baseline(&line, &parts);
	say(&line, "; sum ");
	say_bits(&line, alert->score);
	say_techniques(&line, &parts);
	say(&line, "; evidence %" PRIu64 "-%" PRIu64, alert->first, alert->at);
	return (ssize_t)line.len;
}
