// SPDX-License-Identifier: Apache-2.0
#include "score/feature.h"

#include "score/params.h"
#include "score/token.h"

#define EXEC	KIND(RECORD_EXEC)
#define OPEN	KIND(RECORD_OPEN)
#define SETUID	KIND(RECORD_SETUID)
#define CONNECT KIND(RECORD_CONNECT)

#define ALL HALVINGS_ALL

/*
 * Only what program is run may speak for the actor as well as against: reading one's own files
 * a thousand times must not pay for what comes next.
 */
static const struct feature_row rows[FEATURES] = {
	{ "program", "ran", "exec", EXEC, CLIP_LOW, CLIP_HIGH, 2, false, true, token_program },
	{ "parent", "started", "exec", EXEC, 0, 6 * BIT, ALL, true, false, token_parent },
	{ "arguments", "called", "exec", EXEC, 0, 4 * BIT, ALL, true, false, token_shape },
	{ "path", "opened", "open", OPEN, 0, 2 * BIT, ALL, false, false, token_path },
	{ "destination", "connected to", "connect", CONNECT, 0, 4 * BIT, ALL, false, false,
	  token_destination },
	{ "network", "reached", "connect", CONNECT, 0, 2 * BIT, ALL, false, false, token_network },
	{ "credential", "changed ids", "change", SETUID | EXEC, 0, CLIP_HIGH, ALL, false, false,
	  token_credential },
	{ "hour", "was active", "exec", EXEC, 0, 1 * BIT, ALL, false, false, token_hour },
	{ "severity", "did", "event", 0, 0, 0, ALL, false, false, NULL },
};

const struct feature_row *feature_row(uint8_t feature)
{
	return feature < FEATURES ? &rows[feature] : NULL;
}
