// SPDX-License-Identifier: Apache-2.0
#include "attribute/place.h"

#include <stdbool.h>

/* What stands before the id in one component: systemd scopes of the runtimes, or nothing where
 * the cgroupfs driver makes a plain directory below one of the parents. */
static const char *const scope_prefixes[] = { "docker-", "cri-containerd-", "crio-",
					      "libpod-", "containerd-",	    "nerdctl-" };
static const char *const parents[] = { "docker",     "kubepods",  "kubepods.slice", "libpod_parent",
				       "default",    "k8s.io",	  "machine.slice",  "buildkit",
				       "besteffort", "burstable", "guaranteed",	    "containerd" };

static bool is_hex(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

static bool starts_with(struct bytes s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.data, prefix, n) == 0;
}

static bool ends_with(struct bytes s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.len >= n && memcmp(s.data + s.len - n, suffix, n) == 0;
}

/* "docker-<id>.scope" */
static struct bytes id_of_scope(struct bytes component)
{
	for (size_t i = 0; i < sizeof(scope_prefixes) / sizeof(scope_prefixes[0]); i++) {
		size_t n = strlen(scope_prefixes[i]);
		struct bytes id = bytes_of(component.data + n, CONTAINER_ID);

		if (component.len == n + CONTAINER_ID + strlen(".scope") &&
		    starts_with(component, scope_prefixes[i]) && ends_with(component, ".scope") &&
		    is_hex(id))
			return id;
	}
	return bytes_of(NULL, 0);
}

static bool is_known_parent(struct bytes component)
{
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		if (bytes_equal(component, bytes_of_text(parents[i])))
			return true;
	}
	/* A pod's directory: pod<uid>, kubepods-...-pod<uid>.slice */
	return starts_with(component, "pod") || starts_with(component, "kubepods-");
}

/* One cgroup path, outermost component first. What was found before is kept. */
static void look_at_path(struct bytes path, struct place *place)
{
	struct bytes parent = { 0 };
	size_t from = 0;

	for (size_t i = 0; i <= path.len; i++) {
		struct bytes c;

		if (i < path.len && path.data[i] != '/')
			continue;
		c = bytes_of(path.data + from, i - from);
		from = i + 1;
		if (c.len == 0)
			continue;
		if (!place->container.len)
			place->container = id_of_scope(c);
		if (!place->container.len && c.len == CONTAINER_ID && is_hex(c) &&
		    is_known_parent(parent))
			place->container = c;
		if (ends_with(c, ".service") && !place->unit.len)
			place->unit = c;
		parent = c;
	}
}

struct place place_of(struct bytes cgroups)
{
	struct place place = { { 0 } };
	size_t from = 0;

	for (size_t i = 0; i <= cgroups.len; i++) {
		const uint8_t *colon;
		struct bytes line;

		if (i < cgroups.len && cgroups.data[i] != '\n')
			continue;
		line = bytes_of(cgroups.data + from, i - from);
		from = i + 1;
		/* hierarchy:controllers:path, where a controller's name may hold no colon */
		colon = line.len ? memchr(line.data, ':', line.len) : NULL;
		if (colon)
			colon = memchr(colon + 1, ':', line.len - (size_t)(colon + 1 - line.data));
		if (colon)
			look_at_path(
				bytes_of(colon + 1, line.len - (size_t)(colon + 1 - line.data)),
				&place);
	}
	return place;
}
