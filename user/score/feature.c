// SPDX-License-Identifier: Apache-2.0
#include "score/feature.h"

#include "score/params.h"
#include "score/token.h"

#define EXEC	KIND(RECORD_EXEC)
#define OPEN	KIND(RECORD_OPEN)
#define SETUID	KIND(RECORD_SETUID)
#define CONNECT KIND(RECORD_CONNECT)

/*
 * Only what program is run may speak for the actor as well as against: reading one's own files
 * a thousand times must not pay for what comes next.
 */
static const struct feature_row rows[FEATURES] = {
	[FEATURE_PROGRAM] = { "program", "ran", "exec", EXEC, CLIP_LOW, CLIP_HIGH, token_program },
	[FEATURE_PARENT] = { "parent", "started", "exec", EXEC, 0, 4 * BIT, token_parent },
	[FEATURE_SHAPE] = { "arguments", "called", "exec", EXEC, 0, 3 * BIT, token_shape },
	[FEATURE_PATH] = { "path", "opened", "open", OPEN, 0, 4 * BIT, token_path },
	[FEATURE_DESTINATION] = { "destination", "connected to", "connect", CONNECT, 0, 6 * BIT,
				  token_destination },
	[FEATURE_NETWORK] = { "network", "reached", "connect", CONNECT, 0, 2 * BIT, token_network },
	[FEATURE_CREDENTIAL] = { "credential", "changed ids", "change", SETUID | EXEC, 0, CLIP_HIGH,
				 token_credential },
	[FEATURE_HOUR] = { "hour", "was active", "exec", EXEC, 0, 1 * BIT, token_hour },
	[FEATURE_SEVERITY] = { "severity", "did", "event", 0, 0, 0, NULL },
};

const struct feature_row *feature_row(uint8_t feature)
{
	return feature < FEATURES ? &rows[feature] : NULL;
}
