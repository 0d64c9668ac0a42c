/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H
/*
 * A bounded hash table from 64-bit keys to values of one size. When it is full, the entry that was
 * touched longest ago makes room: memory never grows after table_open().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

/* Called for a value that is evicted, removed or cleared with the table; may be NULL. */
typedef void table_drop_fn(void *value);

/* capacity entries of value_size bytes. -ENOMEM. */
int table_open(struct table **ret, uint32_t capacity, size_t value_size, table_drop_fn *drop);
void table_close(struct table *table);

/* The value of key, now the most recently touched; NULL when there is none. */
void *table_find(struct table *table, uint64_t key);

/* The value of key; a new zeroed one (evicting another if need be) when there is none. */
void *table_get(struct table *table, uint64_t key);

void table_remove(struct table *table, uint64_t key);

uint32_t table_count(const struct table *table);

#endif
