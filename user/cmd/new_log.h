/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_NEW_LOG_H
#define CMD_NEW_LOG_H
#include "cmd/cmd.h"

/* Put a new log in the place of the one in dir (chain_rotate), and say what became of that one. An
 * exit code; complains. */
int begin_new_log(const char *dir, const struct host *host, bool quiet);

#endif
