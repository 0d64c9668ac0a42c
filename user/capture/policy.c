// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "capture/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define VERSION	  1
#define NAMES_MAX 256 /* in a text: each makes at most two of the trie's */
#define WORDS_MAX 128
#define FOLD_MS	  1000
#define FOLD_MAX  60000
#define MARKS	  30

/* A name as written: PREFIX, or PREFIX and stars and SUFFIX. */
struct name {
	char *prefix, *suffix; /* "" or "/a/b"; NULL without stars, else "/x" */
	bool reads, writes, none;
};

struct node {
	struct policy_name_key key;
	struct policy_name value;
	bool closed; /* "none": takes nothing from shorter names */
};

struct policy {
	char *text;
	struct policy_settings settings;
	char *cgroups[POLICY_CGROUPS];
	struct name names[NAMES_MAX];
	size_t name_count;
	struct node nodes[2 * NAMES_MAX];
	size_t node_count;
};

struct parser {
	struct policy *policy;
	unsigned line;
	char *err;
	size_t err_size;
	bool recorded, folded, users, cgroups; /* those lines were there */
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	va_list args;
	int n = snprintf(p->err, p->err_size, "line %u: ", p->line);

	va_start(args, format);
	if (n > 0 && (size_t)n < p->err_size)
		vsnprintf(p->err + n, p->err_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

/* --- names --------------------------------------------------------------------------------------
 */

/* "" or components, each with one '/' before it, none of them empty, "." or "..". */
static bool is_path(const char *text)
{
	while (*text) {
		size_t n = strcspn(text + 1, "/");

		if (*text != '/' || n == 0 || (n == 1 && text[1] == '.') ||
		    (n == 2 && text[1] == '.' && text[2] == '.'))
			return false;
		text += n + 1;
	}
	return true;
}

static size_t components(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int check_name(struct parser *p, const char *word, const struct name *name)
{
	const char *star = name->suffix ? strchr(name->suffix, '*') : NULL;

	if (!is_path(name->prefix) || strchr(name->prefix, '*') ||
	    (name->suffix && (!name->suffix[0] || !is_path(name->suffix))))
		return refuse(p, "'%s' is no name: expected /DIR/FILE, **/FILE or /DIR/**/FILE",
			      word);
	if (star && (star[1] || components(name->suffix) > 1 || star == name->suffix + 1))
		return refuse(p, "'%s': a star ends the only name behind **/", word);
	if (components(name->prefix) > POLICY_DEPTH)
		return refuse(p, "'%s': a directory has at most %d names", word, POLICY_DEPTH);
	if (strlen(name->prefix) > POLICY_NAME ||
	    (name->suffix && strlen(name->suffix) > POLICY_NAME))
		return refuse(p, "'%s' is too long: at most %d bytes", word, POLICY_NAME);
	if (name->none && name->suffix)
		return refuse(p, "'%s': opens none takes directories and files, no stars", word);
	return 0;
}

static int add_name(struct parser *p, const char *word, bool reads, bool writes)
{
	struct policy *policy = p->policy;
	struct name *name = &policy->names[policy->name_count];
	const char *stars = strstr(word, "**/");

	if (policy->name_count == NAMES_MAX)
		return refuse(p, "more than %d names", NAMES_MAX);
	if (stars && stars > word && stars[-1] != '/')
		return refuse(p, "'%s': expected /**/ between names", word);
	*name = (struct name){ .reads = reads, .writes = writes, .none = !reads && !writes };
	policy->name_count++;
	if (stars) {
		name->prefix = strndup(word, stars > word ? (size_t)(stars - word) - 1 : 0);
		name->suffix = strdup(stars + 2);
	} else {
		name->prefix = strdup(strcmp(word, "/") == 0 ? "" : word);
	}
	if (!name->prefix || (stars && !name->suffix))
		return -ENOMEM;
	if (!stars && word[0] != '/')
		return refuse(p, "'%s' is no name: expected /DIR/FILE, **/FILE or /DIR/**/FILE",
			      word);
	return check_name(p, word, name);
}

/* --- lines --------------------------------------------------------------------------------------
 */

static int parse_record(struct parser *p, char **words, size_t count)
{
	static const char *const names[FAMILIES] = {
		[FAMILY_PROCESS] = "process",	    [FAMILY_FILE] = "file",
		[FAMILY_CREDENTIAL] = "credential", [FAMILY_NETWORK] = "network",
		[FAMILY_PERMISSION] = "permission", [FAMILY_KERNEL] = "kernel",
		[FAMILY_LOGIN] = "login",
	};

	if (count == 0)
		return refuse(p, "record: expected families");
	if (!p->recorded)
		p->policy->settings.families = 1u << FAMILY_SELF;
	p->recorded = true;
	for (size_t i = 0; i < count; i++) {
		unsigned f = 0;

		while (f < FAMILIES && (!names[f] || strcmp(words[i], names[f]) != 0))
			f++;
		if (f == FAMILIES)
			return refuse(p,
				      "'%s' is no family: expected process, file, permission, "
				      "credential, network, login or kernel",
				      words[i]);
		p->policy->settings.families |= 1u << f;
	}
	return 0;
}

static int parse_opens(struct parser *p, char **words, size_t count)
{
	static const struct {
		const char *word;
		bool reads, writes;
		uint32_t flag; /* stands alone */
	} modes[] = {
		{ "read", true, false, 0 },
		{ "write", false, true, 0 },
		{ "any", true, true, 0 },
		{ "none", false, false, 0 },
		{ "all", false, false, POLICY_ALL_OPENS },
		{ "refused", false, false, POLICY_REFUSED },
	};
	size_t m = 0;
	int err = 0;

	while (count && m < sizeof(modes) / sizeof(modes[0]) &&
	       strcmp(words[0], modes[m].word) != 0)
		m++;
	if (!count || m == sizeof(modes) / sizeof(modes[0]))
		return refuse(p, "opens: expected read, write, any, none, all or refused");
	p->policy->settings.flags |= modes[m].flag;
	if (modes[m].flag ? count > 1 : count == 1)
		return refuse(p, "opens %s: expected %s", words[0],
			      modes[m].flag ? "nothing behind it" : "names");
	for (size_t i = 1; i < count && !err; i++)
		err = add_name(p, words[i], modes[m].reads, modes[m].writes);
	return err;
}

static bool parse_u32(const char *text, char end, uint32_t *ret, const char **ret_end)
{
	unsigned long long value;
	char *after;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &after, 10);
	if (errno || value > UINT32_MAX || (*after && *after != end))
		return false;
	*ret = (uint32_t)value;
	*ret_end = after;
	return true;
}

static int parse_fold(struct parser *p, char **words, size_t count)
{
	uint32_t ms = 0;
	const char *end;

	if (p->folded)
		return refuse(p, "fold stands twice");
	p->folded = true;
	if (count != 1 || (strcmp(words[0], "off") != 0 &&
			   (!parse_u32(words[0], 0, &ms, &end) || ms == 0 || ms > FOLD_MAX)))
		return refuse(p, "fold: expected off or milliseconds from 1 to %d", FOLD_MAX);
	p->policy->settings.fold_ns = ms * 1000000ull;
	return 0;
}

static int parse_users(struct parser *p, char **words, size_t count)
{
	struct policy_settings *s = &p->policy->settings;

	if (count == 0)
		return refuse(p, "users: expected uids, as 1000 or 1000-60000");
	for (size_t i = 0; i < count; i++) {
		struct policy_range range;
		const char *at;

		if (s->range_count == POLICY_RANGES)
			return refuse(p, "users: more than %d ranges", POLICY_RANGES);
		if (!parse_u32(words[i], '-', &range.first, &at))
			return refuse(p, "users: '%s' is no uid or range, as 1000-60000", words[i]);
		range.last = range.first;
		if (*at && (!parse_u32(at + 1, 0, &range.last, &at) || range.last < range.first))
			return refuse(p, "users: '%s' is no range, as 1000-60000", words[i]);
		s->ranges[s->range_count++] = range;
	}
	return 0;
}

static int parse_cgroups(struct parser *p, char **words, size_t count)
{
	struct policy_settings *s = &p->policy->settings;
	bool only = count && strcmp(words[0], "only") == 0;

	if (count < 2 || (!only && strcmp(words[0], "except") != 0))
		return refuse(p, "cgroups: expected only or except, then paths");
	if (p->cgroups)
		return refuse(p, "cgroups stands twice");
	p->cgroups = true;
	if (only)
		s->flags |= POLICY_ONLY_CGROUPS;
	for (size_t i = 1; i < count; i++) {
		if (s->cgroup_count == POLICY_CGROUPS)
			return refuse(p, "cgroups: more than %d", POLICY_CGROUPS);
		if (words[i][0] != '/' || !is_path(words[i]))
			return refuse(p, "cgroups: '%s' is no path, as /system.slice", words[i]);
		p->policy->cgroups[s->cgroup_count] = strdup(words[i]);
		if (!p->policy->cgroups[s->cgroup_count])
			return -ENOMEM;
		s->cgroup_count++;
	}
	return 0;
}

static int parse_version(struct parser *p, char **words, size_t count)
{
	if (count != 1 || strcmp(words[0], "1") != 0)
		return refuse(p, "this program knows policies of version %d: expected 'policy %d'",
			      VERSION, VERSION);
	return 0;
}

static const struct keyword {
	const char *word;
	int (*parse)(struct parser *p, char **words, size_t count);
} keywords[] = {
	{ "policy", parse_version }, { "record", parse_record }, { "opens", parse_opens },
	{ "fold", parse_fold },	     { "users", parse_users },	 { "cgroups", parse_cgroups },
};

static int parse_line(struct parser *p, char *line, bool *begun)
{
	char *words[WORDS_MAX], *state = NULL, *word;
	size_t count = 0, k = 0;

	line[strcspn(line, "#")] = 0;
	for (word = strtok_r(line, " \t\r", &state); word; word = strtok_r(NULL, " \t\r", &state)) {
		if (count == WORDS_MAX)
			return refuse(p, "more than %d words", WORDS_MAX);
		words[count++] = word;
	}
	if (count == 0)
		return 0;
	while (k < sizeof(keywords) / sizeof(keywords[0]) &&
	       strcmp(words[0], keywords[k].word) != 0)
		k++;
	if ((k == 0) == *begun && k < sizeof(keywords) / sizeof(keywords[0]))
		return refuse(p, *begun ? "policy stands twice" : "expected 'policy %d' first",
			      VERSION);
	if (k == sizeof(keywords) / sizeof(keywords[0]))
		return refuse(p, "'%.40s': expected record, opens, fold, users or cgroups",
			      words[0]);
	*begun = true;
	return keywords[k].parse(p, words + 1, count - 1);
}

static int parse_lines(struct parser *p)
{
	char *text = strdup(p->policy->text), *at = text, *line;
	bool begun = false;
	int err = text ? 0 : -ENOMEM;

	while (!err && (line = strsep(&at, "\n"))) {
		p->line++;
		err = parse_line(p, line, &begun);
	}
	if (!err && !begun)
		err = refuse(p, "expected 'policy %d'", VERSION);
	free(text);
	return err;
}

/* --- the trie -----------------------------------------------------------------------------------
 */

/* "/a/b" to "a/b/", or from the leaf to "b/a/"; without the last '/' when it ends in a star. */
static void make_key(enum policy_side side, const char *path, struct policy_name_key *ret)
{
	size_t len = strlen(path), to = 0;

	*ret = (struct policy_name_key){ .side = side };
	if (side == POLICY_ROOT && len) {
		memcpy(ret->text, path + 1, len - 1);
		ret->text[len - 1] = '/';
	}
	for (size_t end = len; side == POLICY_LEAF && end;) {
		size_t begin = end;

		while (path[begin - 1] != '/')
			begin--;
		memcpy(ret->text + to, path + begin, end - begin);
		to += end - begin;
		if (ret->text[to - 1] == '*')
			ret->text[--to] = 0;
		else
			ret->text[to++] = '/';
		end = begin - 1;
	}
	ret->bits = (uint32_t)POLICY_NAME_BITS(side == POLICY_LEAF ? to : len);
}

static struct node *node_of(struct policy *policy, enum policy_side side, const char *path)
{
	struct policy_name_key key;

	make_key(side, path, &key);
	for (size_t i = 0; i < policy->node_count; i++) {
		if (memcmp(&policy->nodes[i].key, &key, sizeof(key)) == 0)
			return &policy->nodes[i];
	}
	policy->nodes[policy->node_count] = (struct node){ .key = key };
	return &policy->nodes[policy->node_count++];
}

/* A mark of its own for the place; those of a name without stars have none yet. */
static int mark_place(struct parser *p, const char *prefix, uint32_t *next, uint32_t *ret)
{
	struct node *place;

	*ret = POLICY_ANYWHERE;
	if (!prefix[0])
		return 0;
	place = node_of(p->policy, POLICY_ROOT, prefix);
	if (!(place->value.marks & ~POLICY_NONE)) {
		if (*next == POLICY_NONE)
			return refuse(p, "more than %d directories before /**/", MARKS);
		place->value.marks |= *next;
		*next <<= 1;
	}
	*ret = place->value.marks & ~POLICY_NONE;
	return 0;
}

static bool begins_with(const struct policy_name_key *key, const struct policy_name_key *shorter)
{
	return key->side == shorter->side && key->bits > shorter->bits &&
	       memcmp(key->text, shorter->text, (shorter->bits - POLICY_NAME_BITS(0)) / 8) == 0;
}

static int by_length(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->key.bits < y->key.bits ? -1 : x->key.bits > y->key.bits;
}

/* Only the longest name is found: it must say what the shorter ones do. */
static void inherit(struct policy *policy)
{
	qsort(policy->nodes, policy->node_count, sizeof(policy->nodes[0]), by_length);
	for (size_t i = 0; i < policy->node_count; i++) {
		struct node *node = &policy->nodes[i], *from = NULL;

		for (size_t j = 0; j < i; j++) {
			if (begins_with(&node->key, &policy->nodes[j].key))
				from = &policy->nodes[j];
		}
		if (!from)
			continue;
		node->value.marks |= from->value.marks;
		if (node->closed)
			continue;
		node->value.reads |= from->value.reads;
		node->value.writes |= from->value.writes;
	}
}

static int make_trie(struct parser *p)
{
	struct policy *policy = p->policy;
	uint32_t next = 1, mark;
	int err = 0;

	for (size_t i = 0; i < policy->name_count && !err; i++) {
		const struct name *name = &policy->names[i];
		struct node *node;

		if (!name->suffix) {
			node = node_of(policy, POLICY_ROOT, name->prefix);
			node->closed |= name->none;
			node->value.marks |= name->none ? POLICY_NONE : 0;
			node->value.reads |= name->reads;
			node->value.writes |= name->writes;
			if (name->reads)
				policy->settings.flags |= POLICY_ROOT_READS;
			continue;
		}
		err = mark_place(p, name->prefix, &next, &mark);
		if (err)
			break;
		node = node_of(policy, POLICY_LEAF, name->suffix);
		node->value.reads |= name->reads ? mark : 0;
		node->value.writes |= name->writes ? mark : 0;
	}
	if (!err)
		inherit(policy);
	return err;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

int policy_parse(struct policy **ret, struct bytes text, char *err, size_t err_size)
{
	struct parser parser = { .err = err, .err_size = err_size };
	struct policy *policy;
	int e;

	if (text.len > POLICY_TEXT_MAX || (text.len && memchr(text.data, 0, text.len))) {
		snprintf(err, err_size, "line 1: expected text of at most %d bytes",
			 POLICY_TEXT_MAX);
		return -EINVAL;
	}
	snprintf(err, err_size, "out of memory");
	policy = calloc(1, sizeof(*policy));
	if (!policy)
		return -ENOMEM;
	policy->settings.families = (1u << FAMILIES) - 1;
	policy->settings.fold_ns = FOLD_MS * 1000000ull;
	policy->text = strndup(text.len ? (const char *)text.data : "", text.len);
	parser.policy = policy;
	e = policy->text ? parse_lines(&parser) : -ENOMEM;
	/* Calls of a copy of libpam are watched from when it is seen opened. */
	if (!e && policy->settings.families >> FAMILY_LOGIN & 1)
		e = add_name(&parser, "**/libpam.so*", true, false);
	if (!e)
		e = make_trie(&parser);
	if (e) {
		policy_free(policy);
		return e;
	}
	err[0] = 0;
	*ret = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->name_count; i++) {
		free(policy->names[i].prefix);
		free(policy->names[i].suffix);
	}
	for (size_t i = 0; i < POLICY_CGROUPS; i++)
		free(policy->cgroups[i]);
	free(policy->text);
	free(policy);
}

struct bytes policy_text(const struct policy *policy)
{
	return bytes_of_text(policy->text);
}

const struct policy_settings *policy_settings(const struct policy *policy)
{
	return &policy->settings;
}

const char *policy_cgroup(const struct policy *policy, size_t i)
{
	return i < policy->settings.cgroup_count ? policy->cgroups[i] : NULL;
}

bool policy_name_at(const struct policy *policy, size_t i, struct policy_name_key *ret_key,
		    struct policy_name *ret)
{
	if (i >= policy->node_count)
		return false;
	*ret_key = policy->nodes[i].key;
	*ret = policy->nodes[i].value;
	return true;
}

bool policy_place_at(const struct policy *policy, size_t i, struct policy_place *ret)
{
	const struct name *name;

	if (i >= policy->name_count)
		return false;
	name = &policy->names[i];
	*ret = (struct policy_place){ .prefix = name->prefix,
				      .suffix = name->suffix ? name->suffix : "",
				      .anywhere = name->suffix && !name->prefix[0],
				      .reads = name->reads,
				      .writes = name->writes };
	return true;
}
