select count(*) from (select 1 as one from `shop`.`orders` where (`region` is null) limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` is null) and (`region` >= _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac') and (`region` is not null) limit 100001) connector_count;

select `id` as connector_0, `region` as connector_1 from `shop`.`orders` where (`region` is not null) and (`region` >= _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac' and (`region` > _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac' or (`region` = _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac' and `id` > 9007199254740993))) order by `region`, `id` limit 2001;

select count(*) from (select 1 as one from `shop`.`orders` where (`region` >= _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac') limit 1) connector_count;
