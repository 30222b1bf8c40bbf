select 1 is null;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` in (1)) limit 2) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` in (1)) and (`moved` <= datetime '2026-01-31 06:00:00.123456' and not (`moved` >= datetime '2026-01-31 06:00:00.123456' and (`moved` > datetime '2026-01-31 06:00:00.123456' or (`moved` = datetime '2026-01-31 06:00:00.123456' and `id` > 9007199254740993)))) limit 2) connector_count;
