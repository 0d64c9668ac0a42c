// SPDX-License-Identifier: Apache-2.0
/* A policy's text, and what the programs in the kernel are given to look names up in. */
#include <errno.h>

#include "base_test.h"

#include "capture/policy.h"

static struct policy *policy;
static char err[256];

static int parse(const char *text)
{
	policy_free(policy);
	policy = NULL;
	return policy_parse(&policy, bytes_of_text(text), err, sizeof(err));
}

static void teardown(void)
{
	policy_free(policy);
	policy = NULL;
}

/* What the longest name says that a path begins with, as the trie of the kernel finds it; NULL for
 * nothing. path: "etc/ssh/x/" from the root, "x/ssh/etc/" from the leaf. */
static const struct policy_name *find(enum policy_side side, const char *path)
{
	static struct policy_name found, value;
	struct policy_name_key key;
	size_t longest = 0;
	bool any = false;

	for (size_t i = 0; policy_name_at(policy, i, &key, &value); i++) {
		size_t len = (key.bits - POLICY_NAME_BITS(0)) / 8;

		if (key.side != side || strncmp(key.text, path, len) != 0 || (any && len < longest))
			continue;
		found = value;
		longest = len;
		any = true;
	}
	return any ? &found : NULL;
}

START_TEST(directories_hold_what_is_below)
{
	ck_assert_int_eq(parse("policy 1\nopens write /etc\nopens read /etc/ssh\n"), 0);
	ck_assert_ptr_null(find(POLICY_ROOT, "etcetera/"));
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/")->writes, 1);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/hosts/")->reads, 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/ssh/x/")->reads, 1);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/ssh/x/")->writes, 1); /* of the shorter */
	ck_assert_uint_ne(policy_settings(policy)->flags & POLICY_ROOT_READS, 0);
	ck_assert_int_eq(parse("policy 1\nopens read /a **/c\nopens write /a/b **/b/c\n"), 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "a/b/")->reads, 1);
	ck_assert_uint_eq(find(POLICY_LEAF, "c/b/a/")->reads, POLICY_ANYWHERE);
	ck_assert_uint_eq(find(POLICY_LEAF, "c/b/a/")->writes, POLICY_ANYWHERE);
	ck_assert_uint_eq(find(POLICY_LEAF, "c/a/")->writes, 0);
	ck_assert_int_eq(parse("policy 1\nopens write /\n"), 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "anything/")->writes, 1);
	ck_assert_uint_eq(policy_settings(policy)->flags & POLICY_ROOT_READS, 0);
}
END_TEST

START_TEST(what_is_taken_out_stays_out)
{
	ck_assert_int_eq(
		parse("policy 1\nopens write /etc\nopens none /etc/a\nopens read /etc/a/b\n"), 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/a/x/")->writes, 0);
	ck_assert_uint_ne(find(POLICY_ROOT, "etc/a/x/")->marks & POLICY_NONE, 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/a/b/")->reads, 1);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/a/b/")->writes, 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/c/")->marks & POLICY_NONE, 0);
}
END_TEST

START_TEST(names_from_the_leaf)
{
	const struct policy_name *leaf;

	ck_assert_int_eq(parse("policy 1\nopens any **/.ssh/id_rsa\nopens read /proc/**/mem\n"
			       "opens write **/key_*\n"),
			 0);
	leaf = find(POLICY_LEAF, "id_rsa/.ssh/alice/home/");
	ck_assert_uint_eq(leaf->reads, POLICY_ANYWHERE);
	ck_assert_uint_eq(leaf->writes, POLICY_ANYWHERE);
	ck_assert_ptr_null(find(POLICY_LEAF, "id_rsa/alice/"));
	leaf = find(POLICY_LEAF, "mem/1/proc/");
	ck_assert_uint_ne(leaf->reads, 0);
	ck_assert_uint_eq(leaf->reads & POLICY_ANYWHERE, 0);
	ck_assert_uint_eq(leaf->writes, 0);
	ck_assert_uint_eq(leaf->reads, find(POLICY_ROOT, "proc/1/mem/")->marks);
	ck_assert_uint_eq(find(POLICY_LEAF, "key_one/etc/")->writes, POLICY_ANYWHERE);
	ck_assert_ptr_null(find(POLICY_LEAF, "key/etc/"));
}
END_TEST

/* Each place has a mark of its own, and a longer name is in the places of the shorter one. */
START_TEST(marks)
{
	uint32_t a, b;

	ck_assert_int_eq(
		parse("policy 1\nopens any /a/**/x /b/**/x /a/c/**/y\nopens write /a/c/d\n"), 0);
	a = find(POLICY_ROOT, "a/")->marks;
	b = find(POLICY_ROOT, "b/")->marks;
	ck_assert_uint_eq(a & b, 0);
	ck_assert_uint_eq(find(POLICY_LEAF, "x/")->reads, a | b);
	ck_assert_uint_eq(find(POLICY_ROOT, "a/c/d/")->marks & a, a);
	ck_assert_uint_eq(find(POLICY_LEAF, "y/")->reads & a, 0);
}
END_TEST

START_TEST(settings)
{
	const struct policy_settings *s;

	ck_assert_int_eq(parse("policy 1\n"), 0);
	s = policy_settings(policy);
	ck_assert_uint_eq(s->families, (1u << FAMILIES) - 1);
	ck_assert_uint_eq(s->fold_ns, 1000000000);
	ck_assert_uint_eq(s->flags, 0);
	ck_assert_int_eq(parse("# words\npolicy 1 # first\n record file  login\t\nopens all\n"
			       "opens refused\nfold off\nusers 0 1000-2000\ncgroups only /x\n"),
			 0);
	s = policy_settings(policy);
	ck_assert_uint_eq(s->families, 1u << FAMILY_FILE | 1u << FAMILY_LOGIN | 1u << FAMILY_SELF);
	ck_assert_uint_eq(s->fold_ns, 0);
	ck_assert_uint_eq(s->flags, POLICY_ALL_OPENS | POLICY_REFUSED | POLICY_ONLY_CGROUPS);
	ck_assert_uint_eq(s->range_count, 2);
	ck_assert_uint_eq(s->ranges[0].last, 0);
	ck_assert_uint_eq(s->ranges[1].first, 1000);
	ck_assert_uint_eq(s->ranges[1].last, 2000);
	ck_assert_str_eq(policy_cgroup(policy, 0), "/x");
	ck_assert_ptr_null(policy_cgroup(policy, 1));
}
END_TEST

START_TEST(refusals_name_the_line)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "", "line 1: " },
		{ "policy 2\n", "line 1: " },
		{ "fold off\n", "line 1: " },
		{ "policy 1\npolicy 1\n", "line 2: " },
		{ "policy 1\n\nopens\n", "line 3: " },
		{ "policy 1\nopens all now\n", "line 2: " },
		{ "policy 1\nopens read\n", "line 2: " },
		{ "policy 1\nopens read a\n", "line 2: 'a'" },
		{ "policy 1\nopens read /a//b\n", "line 2: " },
		{ "policy 1\nopens read /a/\n", "line 2: " },
		{ "policy 1\nopens read /./a\n", "line 2: " },
		{ "policy 1\nopens read /a**/b\n", "line 2: " },
		{ "policy 1\nopens read **/\n", "line 2: " },
		{ "policy 1\nopens read **/*\n", "line 2: " },
		{ "policy 1\nopens read **/a*/b\n", "line 2: " },
		{ "policy 1\nopens none **/a\n", "line 2: " },
		{ "policy 1\nopens read /a/b/c/d/e/f/g\n", "line 2: " },
		{ "policy 1\nopens read "
		  "/012345678901234567890123456789012345678901234567890123456789012\n"
		  "opens read /0123456789012345678901234567890123456789012345678901234567890123\n",
		  "line 3: " },
		{ "policy 1\nusers 5-4\n", "line 2: " },
		{ "policy 1\nusers 4294967296\n", "line 2: " },
		{ "policy 1\nusers -1\n", "line 2: " },
		{ "policy 1\nfold 0\n", "line 2: " },
		{ "policy 1\nfold 1\nfold 2\n", "line 3: " },
		{ "policy 1\ncgroups only\n", "line 2: " },
		{ "policy 1\nrecord self\n", "line 2: " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(parse(cases[i].text) == -EINVAL, "%s", cases[i].text);
		ck_assert_msg(!strncmp(err, cases[i].line, strlen(cases[i].line)), "%s: %s",
			      cases[i].text, err);
		ck_assert_ptr_null(strchr(err, '\n'));
	}
}
END_TEST

START_TEST(hostile_bytes)
{
	static char large[POLICY_TEXT_MAX + 2];
	char names[64];

	memset(large, '#', POLICY_TEXT_MAX + 1);
	ck_assert_int_eq(parse(large), -EINVAL);
	ck_assert_int_eq(policy_parse(&policy, bytes_of("policy 1\n\0", 10), err, sizeof(err)),
			 -EINVAL);
	snprintf(large, sizeof(large), "policy 1\n");
	for (int i = 0; i < 300; i++) {
		snprintf(names, sizeof(names), "opens read /n%d\n", i);
		strcat(large, names);
	}
	ck_assert_int_eq(parse(large), -EINVAL);
	snprintf(large, sizeof(large), "policy 1\n");
	for (int i = 0; i < 31; i++) {
		snprintf(names, sizeof(names), "opens read /n%d/**/x\n", i);
		strcat(large, names);
	}
	ck_assert_int_eq(parse(large), -EINVAL);
	*strrchr(large, 'o') = 0; /* 30 are as many as there are marks */
	ck_assert_int_eq(parse(large), 0);
}
END_TEST

START_TEST(the_default_is_one)
{
	ck_assert_int_eq(parse((const char *)policy_default().data), 0);
	ck_assert_uint_ne(find(POLICY_LEAF, "shadow/etc/")->reads, 0);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/hosts/")->writes, 1);
	ck_assert_uint_eq(find(POLICY_ROOT, "etc/mtab/")->writes, 0);
	ck_assert_uint_eq(policy_settings(policy)->flags, POLICY_REFUSED);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { directories_hold_what_is_below,
				 what_is_taken_out_stays_out,
				 names_from_the_leaf,
				 marks,
				 settings,
				 refusals_name_the_line,
				 hostile_bytes,
				 the_default_is_one };

	return RUN_TESTS_WITH("capture_policy", tests, NULL, teardown);
}
