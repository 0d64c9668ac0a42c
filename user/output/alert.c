// SPDX-License-Identifier: Apache-2.0
#include "base/escape.h"
#include "output/output.h"
#include "score/alert.h"

void output_alert(struct buffer *to, const struct record *alert)
{
	char line[2048];
	ssize_t n = alert_explain(alert, line, sizeof(line));

	if (n < 0)
		buffer_text(to, "(its parts are not well-formed)");
	else
		escape_text(to, bytes_of(line, (size_t)n));
}

bool output_alert_parts(struct buffer *to, const struct record *alert)
{
	struct alert_parts parts;
	bool foreign = false;

	buffer_text(to, "[");
	if (alert_parts_decode(alert->parts, &parts))
		parts.count = 0;
	for (size_t i = 0; i < parts.count; i++)
		foreign = foreign || !utf8_is_valid(parts.part[i].text);
	for (size_t i = 0; i < parts.count; i++) {
		const struct alert_part *p = &parts.part[i];
		const struct feature_row *row = feature_row(p->feature);

		buffer_print(to, "%s{\"feature\":\"%s\",\"contribution\":%lld,\"token\":\"",
			     i ? "," : "",
			     row			? row->name
			     : p->feature == PART_DRIFT ? "drift"
							: "rest",
			     (long long)p->contribution);
		escape_json_as(to, p->text, foreign);
		buffer_print(
			to, "\",\"user\":%llu,\"of_user\":%llu,\"peers_with\":%llu,\"peers\":%llu}",
			(unsigned long long)p->user, (unsigned long long)p->of_user,
			(unsigned long long)p->peers_with, (unsigned long long)p->peers);
	}
	buffer_text(to, "]");
	return foreign;
}
