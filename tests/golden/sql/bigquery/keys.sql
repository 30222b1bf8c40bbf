select 1 is null, 9007199254740993 is null;

select `id` as connector_0, `region` as connector_1, `moved` as connector_2 from `shop`.`orders` where (`moved` <= datetime '2026-01-31 06:00:00.123456' and not (`moved` >= datetime '2026-01-31 06:00:00.123456' and (`moved` > datetime '2026-01-31 06:00:00.123456' or (`moved` = datetime '2026-01-31 06:00:00.123456' and `id` > 9007199254740993)))) and (`id` in (1, 9007199254740993)) order by `moved`, `id`;
