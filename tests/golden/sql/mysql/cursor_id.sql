select count(*) from (select 1 as one from `shop`.`orders` where (`id` is null) limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`region` is null) and (`id` >= 9007199254740993) and (`id` is not null) limit 100001) connector_count;

select `id` as connector_0, `region` as connector_1 from `shop`.`orders` where (`id` is not null) and (`id` >= 9007199254740993 and (`id` > 9007199254740993 or (`id` = 9007199254740993 and `region` > _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac'))) order by `id`, `region` limit 2001;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` >= 9007199254740993) limit 1) connector_count;
