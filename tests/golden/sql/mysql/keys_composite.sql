select _utf8mb4 x'61' is null, _utf8mb4 x'6227635c64' is null;

select 1 is null, 1 is null;

select `id` as connector_0, `region` as connector_1, `moved` as connector_2 from `shop`.`orders` where (`moved` <= timestamp'2026-01-31 06:00:00.123456' and not (`moved` >= timestamp'2026-01-31 06:00:00.123456' and (`moved` > timestamp'2026-01-31 06:00:00.123456' or (`moved` = timestamp'2026-01-31 06:00:00.123456' and (`region` > _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac' or (`region` = _utf8mb4 x'4f27427269656e5c6e2573203a78202271222060626020e697a5e69cac' and `id` > 9007199254740993)))))) and (((`region` in (_utf8mb4 x'61')) and (`id` in (1))) or ((`region` in (_utf8mb4 x'6227635c64')) and (`id` in (1)))) order by `moved`, `region`, `id`;
