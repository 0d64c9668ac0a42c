/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_POLICY_H
#define CAPTURE_POLICY_H
/*
 * What is recorded, as people write it; include/policy_map.h has it as the kernel programs look it
 * up.
 *
 *   policy 1                       first line: the version of this language
 *   record FAMILY...               families (default: all; the collector's own deeds are always)
 *   opens all                      every open
 *   opens refused                  those that ended with EACCES or EPERM
 *   opens read|write|any NAME...   opens of these files for reading, for changing, for both
 *   opens none NAME...             not these, though a shorter name said so
 *   fold MILLISECONDS|off          repeats within that time are counted, not recorded (default:
 *                                  1000)
 *   users RANGE...                 real uids, 1000 or 1000-60000 (default: all)
 *   cgroups only|except PATH...    directories of the v2 hierarchy
 *
 * A NAME is DIR (that and all below), STARS FILE (that wherever it is) or DIR STARS FILE (that
 * somewhere below), where the stars are two and a '/': it is compared with the path that the kernel
 * resolved. FILE can be several names, or one that ends in '*'. users and cgroups narrow file,
 * permission and network events.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "event.h"
#include "policy_map.h"

#define POLICY_TEXT_MAX 32768

struct policy;

/* Parse. -EINVAL with one line in err, "line N: what, and what was expected"; -ENOMEM. */
int policy_parse(struct policy **ret, struct bytes text, char *err, size_t err_size);

/* NULL is accepted. */
void policy_free(struct policy *policy);

/* The text it was parsed from, and what the default policy says. */
struct bytes policy_text(const struct policy *policy);
struct bytes policy_default(void);

/* Families, users and flags; cgroups are by name and must be looked up. */
const struct policy_settings *policy_settings(const struct policy *policy);

/* Cgroups in the order of the settings; NULL past the last. */
const char *policy_cgroup(const struct policy *policy, size_t i);

/* The trie: entry i of slot 0 into both, false past the last. */
bool policy_name_at(const struct policy *policy, size_t i, struct policy_name_key *ret_key,
		    struct policy_name *ret);

/* A name that stands for a file on this host, to be watched by its identity as well: the path, or
 * what follows the stars if anywhere is the root or a home directory. False past the last. */
struct policy_place {
	const char *prefix, *suffix; /* "" or "/a/b"; "" or "/x" */
	bool anywhere, reads, writes;
};
bool policy_place_at(const struct policy *policy, size_t i, struct policy_place *ret);

#endif
