// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "attribute/place.h"

#include <stdbool.h>

/*
 * What stands before the id in one component. With ".scope" behind the id it is a systemd scope,
 * wherever that stands; without, a plain directory of the cgroupfs driver, and only below one of
 * the parents. There docker and containerd put nothing before the id; podman (/libpod_parent) and
 * CRI-O (/crio, or a pod) put the same as in a scope.
 */
static const char *const prefixes[] = { "docker-",     "cri-containerd-", "crio-", "libpod-",
					"containerd-", "nerdctl-",	  "" };
static const char *const parents[] = { "docker",     "kubepods",  "kubepods.slice", "libpod_parent",
				       "default",    "k8s.io",	  "machine.slice",  "buildkit",
				       "besteffort", "burstable", "guaranteed",	    "containerd",
				       "crio" };

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

/* A Kubernetes uid: a UUID ('_' for '-' in slices), or the hash of a static pod. */
static bool is_uid(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] != '-' && s.data[i] != '_' && !is_hex(bytes_of(s.data + i, 1)))
			return false;
	}
	return s.len == 36 || s.len == 32;
}

/* pod<uid>, kubepods-burstable-pod<uid>.slice */
static bool is_pod(struct bytes component)
{
	const uint8_t *pod = component.data;

	if (ends_with(component, ".slice")) {
		component.len -= strlen(".slice");
		pod = memmem(component.data, component.len, "-pod", strlen("-pod"));
		if (!pod)
			return false;
		pod++;
		component.len -= (size_t)(pod - component.data);
	}
	component.data = pod;
	return starts_with(component, "pod") &&
	       is_uid(bytes_of(component.data + 3, component.len - 3));
}

static bool is_known_parent(struct bytes component)
{
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		if (bytes_equal(component, bytes_of_text(parents[i])))
			return true;
	}
	return is_pod(component);
}

/* The container's id in one component; empty when it is none. */
static struct bytes id_of(struct bytes component, struct bytes parent)
{
	bool is_scope = ends_with(component, ".scope");

	if (is_scope)
		component.len -= strlen(".scope");
	else if (!is_known_parent(parent))
		return bytes_of(NULL, 0);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (component.len == n + CONTAINER_ID && starts_with(component, prefixes[i]) &&
		    is_hex(bytes_of(component.data + n, CONTAINER_ID)) && (n || !is_scope))
			return bytes_of(component.data + n, CONTAINER_ID);
	}
	return bytes_of(NULL, 0);
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
			place->container = id_of(c, parent);
		if (ends_with(c, ".service") && !place->unit.len)
			place->unit = c;
		parent = c;
	}
}

struct place place_of(struct bytes cgroups)
{
	struct place place = { { 0 } };
	size_t from = 0;

	for (size_t i = 0; cgroups.len && i <= cgroups.len; i++) {
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
