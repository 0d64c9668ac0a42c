/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_GIVEN_H
#define CMD_GIVEN_H
/* What a verifier brings along on the command line: keys and checkpoints. */
#include "chain/verify.h"
#include "cmd/cmd.h"

#define GIVEN_MAX 64 /* of each kind */

/* A verifier key's file: one line, as identity.pub has it. The caller frees *ret, which is the
 * line without its end. False after having complained. */
bool read_key(const char *command, const char *option, const char *path, char **ret);

/* SIZE:ROOT, a number and 64 hexadecimal digits. False after having complained. */
bool parse_held(const char *command, const char *text, struct chain_held *ret);

#endif
