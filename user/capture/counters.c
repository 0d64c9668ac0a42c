// SPDX-License-Identifier: Apache-2.0
#include "capture/counters.h"

bool counters_follow(const struct event_counters *before, const struct event_counters *now,
		     const uint64_t next[RINGS])
{
	for (int i = 0; i < RINGS; i++) {
		if (now->seq[i] < before->seq[i] || now->seq[i] < next[i])
			return false;
	}
	for (int i = 0; i < FAMILIES; i++) {
		if (now->family[i].sent < before->family[i].sent ||
		    now->family[i].lost < before->family[i].lost ||
		    now->family[i].filtered < before->family[i].filtered ||
		    now->family[i].folded < before->family[i].folded ||
		    now->family[i].withheld < before->family[i].withheld)
			return false;
	}
	return true;
}
