/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_PLACE_H
#define ATTRIBUTE_PLACE_H
/* Where a process lives, from its cgroup paths: a container, a service unit, or neither. */
#include "base/bytes.h"

#define CONTAINER_ID 64 /* hexadecimal digits */

struct place {
	struct bytes container; /* the id; empty when in no container */
	struct bytes unit;	/* "ssh.service"; empty when in none */
};

/*
 * cgroups is the text of /proc/PID/cgroup (v1, v2 and hybrid). The results point into it. A
 * container is 64 hexadecimal digits in a place where a runtime puts them; any other name that
 * looks like one ("docker-agent.service") is none. Of nested containers the outermost counts.
 */
struct place place_of(struct bytes cgroups);

#endif
