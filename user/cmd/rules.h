/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_RULES_H
#define CMD_RULES_H
/* A policy out of a file. */
#include "capture/policy.h"

#define RULES_FILE "/etc/indelible/policy"

/*
 * Read and parse. path NULL: RULES_FILE if it is there, the default policy otherwise; all_opens:
 * with every open besides. 0; -EINVAL for what is no policy, -EPERM for a file that others may
 * write, other -errno; one clear line in err, which names the file.
 */
int rules_read(struct policy **ret, const char *path, bool all_opens, char *err, size_t err_size);

#endif
