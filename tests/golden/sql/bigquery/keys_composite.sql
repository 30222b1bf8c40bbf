select 'a' is null, 'b\'c\\d' is null;

select 1 is null, 1 is null;

select `id` as connector_0, `region` as connector_1, `moved` as connector_2 from `shop`.`orders` where (`moved` <= datetime '2026-01-31 06:00:00.123456' and not (`moved` >= datetime '2026-01-31 06:00:00.123456' and (`moved` > datetime '2026-01-31 06:00:00.123456' or (`moved` = datetime '2026-01-31 06:00:00.123456' and (`region` > 'O\'Brien\\n%s :x "q" `b` 日本' or (`region` = 'O\'Brien\\n%s :x "q" `b` 日本' and `id` > 9007199254740993)))))) and (((`region` in ('a')) and (`id` in (1))) or ((`region` in ('b\'c\\d')) and (`id` in (1)))) order by `moved`, `region`, `id`;
