// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct node {
	uint64_t key;
	uint32_t next;	       /* in the bucket, or in the free list */
	uint32_t older, newer; /* by last touch */
};

struct table {
	struct node *nodes;
	uint8_t *values;
	uint32_t *buckets;
	size_t value_size;
	uint32_t capacity, mask, count, free, oldest, newest;
	table_drop_fn *drop;
};

/* Keys are often small numbers in a row: spread them (MurmurHash3's finalizer). */
static uint32_t bucket_of(const struct table *t, uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccd;
	key ^= key >> 33;
	return (uint32_t)key & t->mask;
}

static void *value_of(const struct table *t, uint32_t i)
{
	return t->values + (size_t)i * t->value_size;
}

int table_open(struct table **ret, uint32_t capacity, size_t value_size, table_drop_fn *drop)
{
	struct table *t = calloc(1, sizeof(*t));
	uint32_t buckets = 1;

	if (!t)
		return -ENOMEM;
	while (buckets < capacity)
		buckets *= 2;
	t->value_size = (value_size + 7) & ~(size_t)7;
	t->capacity = capacity;
	t->mask = buckets - 1;
	t->drop = drop;
	t->oldest = t->newest = NONE;
	t->nodes = calloc(capacity, sizeof(*t->nodes));
	t->values = calloc(capacity, t->value_size);
	t->buckets = malloc(buckets * sizeof(*t->buckets));
	if (!t->nodes || !t->values || !t->buckets) {
		t->oldest = NONE;
		table_close(t);
		return -ENOMEM;
	}
	memset(t->buckets, 0xff, buckets * sizeof(*t->buckets));
	for (uint32_t i = 0; i < capacity; i++)
		t->nodes[i].next = i + 1 < capacity ? i + 1 : NONE;
	*ret = t;
	return 0;
}

void table_close(struct table *t)
{
	if (!t)
		return;
	for (uint32_t i = t->oldest; t->drop && i != NONE; i = t->nodes[i].newer)
		t->drop(value_of(t, i));
	free(t->nodes);
	free(t->values);
	free(t->buckets);
	free(t);
}

static void unlink_age(struct table *t, uint32_t i)
{
	struct node *n = &t->nodes[i];

	if (n->older != NONE)
		t->nodes[n->older].newer = n->newer;
	else
		t->oldest = n->newer;
	if (n->newer != NONE)
		t->nodes[n->newer].older = n->older;
	else
		t->newest = n->older;
}

static void link_newest(struct table *t, uint32_t i)
{
	struct node *n = &t->nodes[i];

	n->older = t->newest;
	n->newer = NONE;
	if (t->newest != NONE)
		t->nodes[t->newest].newer = i;
	else
		t->oldest = i;
	t->newest = i;
}

static uint32_t lookup(const struct table *t, uint64_t key)
{
	uint32_t i = t->buckets[bucket_of(t, key)];

	while (i != NONE && t->nodes[i].key != key)
		i = t->nodes[i].next;
	return i;
}

static void remove_node(struct table *t, uint32_t i)
{
	uint32_t *link = &t->buckets[bucket_of(t, t->nodes[i].key)];

	while (*link != i)
		link = &t->nodes[*link].next;
	*link = t->nodes[i].next;
	unlink_age(t, i);
	if (t->drop)
		t->drop(value_of(t, i));
	t->nodes[i].next = t->free;
	t->free = i;
	t->count--;
}

void *table_find(struct table *t, uint64_t key)
{
	uint32_t i = lookup(t, key);

	if (i == NONE)
		return NULL;
	if (i != t->newest) {
		unlink_age(t, i);
		link_newest(t, i);
	}
	return value_of(t, i);
}

void *table_get(struct table *t, uint64_t key)
{
	void *value = table_find(t, key);
	uint32_t i, *bucket;

	if (value)
		return value;
	if (t->count == t->capacity)
		remove_node(t, t->oldest);
	i = t->free;
	t->free = t->nodes[i].next;
	t->count++;
	bucket = &t->buckets[bucket_of(t, key)];
	t->nodes[i].key = key;
	t->nodes[i].next = *bucket;
	*bucket = i;
	link_newest(t, i);
	value = value_of(t, i);
	memset(value, 0, t->value_size);
	return value;
}

void table_remove(struct table *t, uint64_t key)
{
	uint32_t i = lookup(t, key);

	if (i != NONE)
		remove_node(t, i);
}

uint32_t table_count(const struct table *t)
{
	return t->count;
}
