select count(*) from (select 1 as one from `shop`.`orders` where (`amount` is null) limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` is null) and (`amount` >= 12345678901234567890.1234) and (`amount` is not null) limit 100001) connector_count;

select `id` as connector_0, `amount` as connector_1 from `shop`.`orders` where (`amount` is not null) and (`amount` >= 12345678901234567890.1234 and (`amount` > 12345678901234567890.1234 or (`amount` = 12345678901234567890.1234 and `id` > 9007199254740993))) order by `amount`, `id` limit 2001;

select count(*) from (select 1 as one from `shop`.`orders` where (`amount` >= 12345678901234567890.1234) limit 1) connector_count;
