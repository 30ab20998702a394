-- shape: absolute dates
SELECT
    verify_traffic.prefix AS {n:prefix},
    verify_traffic.mode AS {n:mode},
    {count} AS {n:messages}
 FROM {table} AS verify_traffic
WHERE {between} AND {authy}
GROUP BY
    1,
    2
{order}

-- shape: last seven days
SELECT
    verify_traffic.prefix AS {n:prefix},
    verify_traffic.mode AS {n:mode},
    {count} AS {n:messages}
 FROM {table} AS verify_traffic
WHERE ((( {created} ) >= {days_ago} AND ( {created} ) < {tomorrow})) AND {authy}
GROUP BY
    1,
    2
{order}

-- shape: time zone
SELECT
    {local_day} AS {n:created_date},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE {between} AND {authy}
GROUP BY {local_day}
ORDER BY
    1 DESC

-- shape: months
SELECT
    {month} AS {n:created_month},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY {month}
ORDER BY
    1 DESC

-- shape: hours
SELECT
    {hour} AS {n:created_hour},
    COUNT(*) AS {n:count}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY {hour}
ORDER BY
    2 DESC

-- shape: yesno
SELECT
    (CASE WHEN verify_traffic.verified > 0 THEN 'Yes' ELSE 'No' END) AS {n:is_verified},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE ((verify_traffic.verified > 0)) AND {authy}
GROUP BY (CASE WHEN verify_traffic.verified > 0 THEN 'Yes' ELSE 'No' END)

-- shape: case
SELECT
    CASE
WHEN verify_traffic.mode = 'basic' THEN 'Basic'
WHEN verify_traffic.mode IN ('max','standard') THEN 'More'
ELSE 'Other'
END AS {n:plan},
    MAX(verify_traffic.messages ) AS {n:most}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY CASE
WHEN verify_traffic.mode = 'basic' THEN 'Basic'
WHEN verify_traffic.mode IN ('max','standard') THEN 'More'
ELSE 'Other'
END

-- shape: tiers
SELECT
    CASE
WHEN verify_traffic.messages < 0 THEN 'Below 0'
WHEN verify_traffic.messages >= 0 AND verify_traffic.messages < 10 THEN '0 to 9'
WHEN verify_traffic.messages >= 10 THEN '10 or Above'
ELSE 'Undefined'
END AS {n:tier},
    COUNT(DISTINCT verify_traffic.prefix ) AS {n:prefixes}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY CASE
WHEN verify_traffic.messages < 0 THEN 'Below 0'
WHEN verify_traffic.messages >= 0 AND verify_traffic.messages < 10 THEN '0 to 9'
WHEN verify_traffic.messages >= 10 THEN '10 or Above'
ELSE 'Undefined'
END

-- shape: symmetric aggregate
SELECT
    verify_traffic.prefix AS {n:prefix},
    {hash_sum} AS {n:messages}
FROM {table} AS verify_traffic
LEFT JOIN {table} AS other ON verify_traffic.prefix = other.prefix
WHERE {authy}
GROUP BY
    verify_traffic.prefix

-- shape: totals
SELECT
    {count} AS {n:messages},
    COUNT(*) AS {n:count}
FROM {table} AS verify_traffic
WHERE {authy}

-- shape: derived table
SELECT
    daily.prefix AS {n:prefix},
    COALESCE(SUM(daily.messages ), 0) AS {n:messages}
FROM (
  SELECT prefix, billable_item, SUM(messages) AS messages
  FROM {table}
  GROUP BY prefix, billable_item
) daily
WHERE daily.billable_item LIKE 'Authy%'
GROUP BY
    daily.prefix

-- shape: derived table in WITH
WITH daily AS (SELECT prefix, billable_item, SUM(messages) AS messages
  FROM {table}
  GROUP BY prefix, billable_item
  )
SELECT
    daily.prefix AS {n:prefix},
    COALESCE(SUM(daily.messages ), 0) AS {n:messages}
FROM daily
WHERE daily.billable_item LIKE 'Authy%'
GROUP BY
    daily.prefix

-- shape: persistent derived table
-- use existing verify_daily in {pdt}
SELECT
    verify_daily.prefix AS {n:prefix},
    COALESCE(SUM(verify_daily.messages ), 0) AS {n:messages}
FROM {pdt} {as_}verify_daily
WHERE verify_daily.billable_item LIKE 'Authy%'
GROUP BY
    verify_daily.prefix

-- shape: two joins
SELECT
    verify_traffic.prefix AS {n:prefix},
    verify_traffic.mode AS {n:mode},
    {count} AS {n:messages}
 FROM {table} AS verify_traffic
LEFT JOIN {table} AS a ON verify_traffic.prefix = a.prefix AND a.mode = verify_traffic.mode
INNER JOIN {table} AS b ON b.prefix = a.prefix
WHERE {authy}
GROUP BY
    1,
    2
{order}

-- shape: measure filter
SELECT
    verify_traffic.prefix AS {n:prefix},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.prefix
HAVING
    ({count} > 5)

-- shape: filters of every kind
SELECT
    verify_traffic.prefix AS {n:prefix}
FROM {table} AS verify_traffic
WHERE {authy} AND (verify_traffic.mode) IN ('basic', 'max') AND (verify_traffic.prefix <> '+1' OR verify_traffic.prefix IS NULL) AND ((verify_traffic.messages >= 5 AND verify_traffic.messages < 10)) AND (LENGTH(verify_traffic.prefix ) <> 0 AND verify_traffic.prefix IS NOT NULL) AND NOT (verify_traffic.mode = 'x') AND 1=1 -- no filter on 'x'

-- shape: any value
SELECT
    verify_traffic.prefix AS {n:prefix}
FROM {table} AS verify_traffic
WHERE {authy} AND ((UPPER(verify_traffic.mode ) = UPPER('basic') OR UPPER(verify_traffic.mode ) LIKE UPPER('max%')))

-- shape: percent of all
SELECT
    verify_traffic.prefix AS {n:prefix},
    1.0 * {count} / NULLIF(SUM({count}) OVER (), 0) AS {n:share}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.prefix

-- shape: list
SELECT
    verify_traffic.mode AS {n:mode},
    {joined} AS {n:prefixes}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.mode

-- shape: median
SELECT
    verify_traffic.mode AS {n:mode},
    {median} AS {n:median}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.mode

-- shape: json
SELECT
    {json} AS {n:mode},
    {text} AS {n:id}
FROM {table} AS verify_traffic
WHERE {authy} AND {json} = 'basic'

-- shape: key in a sub-query
SELECT
    verify_traffic.prefix AS {n:prefix}
FROM {table} AS verify_traffic
WHERE {authy} AND verify_traffic.prefix IN (SELECT prefix FROM {table} WHERE messages > 5) AND EXISTS (SELECT 1 FROM {table} o WHERE o.prefix = verify_traffic.prefix)

-- shape: union of views
SELECT
    all_traffic.prefix AS {n:prefix},
    SUM(all_traffic.messages ) AS {n:messages}
FROM (SELECT prefix, messages, billable_item FROM {table}
 UNION ALL
 SELECT prefix, messages, billable_item FROM {table}) all_traffic
WHERE all_traffic.billable_item LIKE 'Authy%'
GROUP BY
    all_traffic.prefix

-- shape: pivot
SELECT * FROM (
SELECT *, DENSE_RANK() OVER (ORDER BY z___min_rank) as z___pivot_row_rank, RANK() OVER (PARTITION BY z__pivot_col_rank ORDER BY z___min_rank) as z__pivot_col_ordering, CASE WHEN z___min_rank = z___rank THEN 1 ELSE 0 END AS z__is_highest_ranked_cell FROM (
SELECT *, MIN(z___rank) OVER (PARTITION BY {n:prefix}) as z___min_rank FROM (
SELECT *, RANK() OVER (ORDER BY {n:messages} DESC, z__pivot_col_rank) AS z___rank FROM (
SELECT *, DENSE_RANK() OVER (ORDER BY {n:mode}) AS z__pivot_col_rank FROM (
SELECT
    verify_traffic.mode AS {n:mode},
    verify_traffic.prefix AS {n:prefix},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.mode,
    verify_traffic.prefix) ww
) bb WHERE z__pivot_col_rank <= 16384
) aa
) xx
) zz
WHERE (z__pivot_col_rank <= 16384 OR z__is_highest_ranked_cell = 1)
 ORDER BY z___pivot_row_rank

-- shape: filtered measures
SELECT
    verify_traffic.prefix AS {n:prefix},
    COALESCE(SUM(CASE WHEN (verify_traffic.mode = 'max') THEN verify_traffic.messages ELSE NULL END), 0) AS {n:max_messages},
    COUNT(DISTINCT CASE WHEN NOT (verify_traffic.verified > 0 ) OR (verify_traffic.verified > 0 ) IS NULL THEN verify_traffic.id ELSE NULL END) AS {n:unverified}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.prefix

-- shape: average and ratio
SELECT
    verify_traffic.prefix AS {n:prefix},
    AVG(verify_traffic.messages ) AS {n:average_messages},
    1.0 * (COALESCE(SUM(verify_traffic.verified ), 0)) / NULLIF(({count}),0) AS {n:conversion}
FROM {table} AS verify_traffic
WHERE {authy}
GROUP BY
    verify_traffic.prefix
HAVING NOT ({count} IS NULL)

-- shape: two ranges of dates
SELECT
    verify_traffic.prefix AS {n:prefix},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE ({between} OR ((( {created} ) >= {days_ago} AND ( {created} ) < {tomorrow}))) AND {authy} AND NOT ({created} IS NULL)
GROUP BY
    verify_traffic.prefix

-- shape: parameter
SELECT
    CASE WHEN 'mode' = 'prefix' THEN verify_traffic.prefix WHEN 'mode' = 'mode' THEN verify_traffic.mode ELSE NULL END AS {n:dynamic},
    {count} AS {n:messages}
FROM {table} AS verify_traffic
WHERE {authy} AND (1 = 1 AND 2 = 2)
GROUP BY
    CASE WHEN 'mode' = 'prefix' THEN verify_traffic.prefix WHEN 'mode' = 'mode' THEN verify_traffic.mode ELSE NULL END

-- shape: filters on texts
SELECT
    verify_traffic.prefix AS {n:prefix}
FROM {table} AS verify_traffic
WHERE {authy} AND (verify_traffic.mode LIKE 'b%' OR verify_traffic.mode LIKE '%x' OR (verify_traffic.mode LIKE '%as%' AND verify_traffic.mode <> 'fast')) AND (verify_traffic.prefix NOT LIKE '%00%' OR verify_traffic.prefix IS NULL) AND (verify_traffic.mode NOT IN ('p', 'q') OR verify_traffic.mode IS NULL)

-- shape: latest row of each id
WITH latest AS (SELECT id, prefix, billable_item, messages, ROW_NUMBER() OVER (PARTITION BY id ORDER BY created_at DESC) AS row_number_of_id
  FROM {table}
  )
SELECT
    latest.prefix AS {n:prefix},
    SUM(latest.messages ) AS {n:messages}
FROM latest
WHERE latest.row_number_of_id = 1 AND latest.billable_item LIKE 'Authy%'
GROUP BY
    latest.prefix

-- shape: rank that is shown
WITH ranked AS (SELECT prefix, SUM(messages) AS messages, RANK() OVER (ORDER BY SUM(messages) DESC) AS prefix_rank
  FROM {table}
  WHERE billable_item LIKE 'Authy%'
  GROUP BY prefix
  )
SELECT
    CASE WHEN ranked.prefix_rank <= 10 THEN ranked.prefix ELSE 'Other' END AS {n:top},
    SUM(ranked.messages ) AS {n:messages}
FROM ranked
GROUP BY
    CASE WHEN ranked.prefix_rank <= 10 THEN ranked.prefix ELSE 'Other' END

-- shape: native derived tables
WITH by_prefix AS (SELECT
    verify_traffic.prefix AS prefix,
    {count} AS messages
FROM {table} AS verify_traffic
WHERE {between} AND {authy}
GROUP BY verify_traffic.prefix)
  ,  by_mode AS (SELECT
    verify_traffic.prefix AS prefix,
    COUNT(DISTINCT verify_traffic.mode ) AS modes
FROM {table} AS verify_traffic
GROUP BY verify_traffic.prefix)
SELECT
    by_prefix.prefix AS {n:prefix},
    by_prefix.messages AS {n:messages},
    by_mode.modes AS {n:modes}
FROM by_prefix
LEFT JOIN by_mode ON by_prefix.prefix = by_mode.prefix
