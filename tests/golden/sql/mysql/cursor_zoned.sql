select count(*) from (select 1 as one from `shop`.`orders` where (`zoned` is null) limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` is null) and (`zoned` >= timestamp'2026-01-31 06:00:00.123456') and (`zoned` is not null) and (`zoned` <= timestamp'2026-11-25 12:00:00.123456') limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (timestamp'2026-01-31 06:00:00.123456' > timestamp'2026-11-25 12:00:00.123456') limit 1) connector_count;

select `id` as connector_0, `zoned` as connector_1 from `shop`.`orders` where (`zoned` is not null) and (`zoned` <= timestamp'2026-11-25 12:00:00.123456') and (`zoned` >= timestamp'2026-01-31 06:00:00.123456' and (`zoned` > timestamp'2026-01-31 06:00:00.123456' or (`zoned` = timestamp'2026-01-31 06:00:00.123456' and `id` > 9007199254740993))) order by `zoned`, `id` limit 2001;

select `id` as connector_0, `zoned` as connector_1 from `shop`.`orders` where (`zoned` is not null) and (`zoned` > timestamp'2026-11-25 12:00:00.123456') and (`zoned` >= timestamp'2026-01-31 06:00:00.123456' and (`zoned` > timestamp'2026-01-31 06:00:00.123456' or (`zoned` = timestamp'2026-01-31 06:00:00.123456' and `id` > 9007199254740993))) order by `zoned`, `id` limit 2001;

select count(*) from (select 1 as one from `shop`.`orders` where (`zoned` >= timestamp'2026-01-31 06:00:00.123456') limit 1) connector_count;
