// SPDX-License-Identifier: Apache-2.0
#include "cmd/settings.h"

#include <stdint.h>
#include <string.h>

#include "cmd/cmd.h"

static bool parse_scope(const char *text, struct settings *s)
{
	uint64_t pid;

	s->scope_text = text;
	if (strcmp(text, "all") == 0) {
		s->loader.scope = SCOPE_ALL;
		return true;
	}
	if (strncmp(text, "pid=", 4) == 0) {
		if (!parse_number(text + 4, "run: --scope pid", 1, INT32_MAX, &pid))
			return false;
		s->loader.scope = SCOPE_TREE;
		s->loader.pid = (uint32_t)pid;
		return true;
	}
	if (strncmp(text, "cgroup=/", 8) == 0) {
		s->loader.scope = SCOPE_CGROUP;
		s->loader.cgroup = text + 7;
		return true;
	}
	complain(0, "run: --scope '%s' is none of all, pid=N, cgroup=/PATH", text);
	return false;
}

static bool parse_hooks(const char *text, struct settings *s)
{
	if (strcmp(text, "tracepoint") == 0)
		s->loader.hooks = HOOKS_TRACEPOINT;
	else if (strcmp(text, "object") == 0)
		s->loader.hooks = HOOKS_OBJECT;
	else
		return complain(0, "run: --hooks '%s' is none of tracepoint, object", text), false;
	return true;
}

bool settings_parse(int argc, char **argv, struct settings *s)
{
	static const struct option options[] = {
		{ "chain", required_argument, NULL, 'c' },
		{ "scope", required_argument, NULL, 's' },
		{ "for", required_argument, NULL, 'f' },
		{ "hooks", required_argument, NULL, 'k' },
		{ "harden", no_argument, NULL, 'd' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "new-log", no_argument, NULL, 'n' },
		{ "ring-size", required_argument, NULL, 'r' },
		{ "segment-size", required_argument, NULL, 'g' },
		{ "no-pack", no_argument, NULL, 'p' },
		{ "pin", required_argument, NULL, 'i' },
		{ "policy", required_argument, NULL, 'o' },
		{ "all-opens", no_argument, NULL, 'a' },
		{ "events", required_argument, NULL, 'e' },
		{ "save-events", required_argument, NULL, 'w' },
		{ 0 },
	};
	uint64_t n;
	int got, opt;

	*s = (struct settings){ .dir = default_chain_dir(), .scope_text = "all" };
	while ((got = next_option(command_find("run"), argc, argv, options, 0, &opt)) == 1) {
		switch (opt) {
		case 'c':
			s->dir = optarg;
			break;
		case 's':
			if (!parse_scope(optarg, s))
				return false;
			break;
		case 'f':
			if (!parse_number(optarg, "run: --for", 1, UINT32_MAX, &s->seconds))
				return false;
			break;
		case 'k':
			if (!parse_hooks(optarg, s))
				return false;
			break;
		case 'd':
			s->loader.harden = true;
			break;
		case 'n':
			s->new_log = true;
			break;
		case 'q':
			s->quiet = true;
			break;
		case 'r':
			if (!parse_number(optarg, "run: --ring-size", 4096, 1u << 30, &n))
				return false;
			if (n & (n - 1)) {
				complain(0, "run: --ring-size %s is not a power of two", optarg);
				return false;
			}
			s->loader.ring_bytes = n;
			break;
		case 'g':
			if (!parse_number(optarg, "run: --segment-size", 4096, 1u << 30,
					  &s->segment_bytes))
				return false;
			break;
		case 'i':
			s->loader.pin = optarg;
			break;
		case 'p':
			s->no_pack = true;
			break;
		case 'o':
			s->policy = optarg;
			break;
		case 'a':
			s->all_opens = true;
			break;
		case 'e':
			s->events = optarg;
			break;
		default:
			s->save_events = optarg;
		}
	}
	if (got == 0 && s->loader.harden && s->loader.pin) {
		complain(0,
			 "run: --harden and --pin cannot be had together: the next collector would "
			 "be refused what this one kept");
		return false;
	}
	return got == 0;
}
