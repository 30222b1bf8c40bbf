select count(*) from (select 1 as one from `shop`.`orders` where (`large` is null) limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` is null) and (`large` >= bignumeric '12345678901234567890123456789012345.1234567890123456789') and (`large` is not null) limit 100001) connector_count;

select `id` as connector_0, cast(`large` as string) as connector_1 from `shop`.`orders` where (`large` is not null) and (`large` >= bignumeric '12345678901234567890123456789012345.1234567890123456789' and (`large` > bignumeric '12345678901234567890123456789012345.1234567890123456789' or (`large` = bignumeric '12345678901234567890123456789012345.1234567890123456789' and `id` > 9007199254740993))) order by `large`, `id`;

select count(*) from (select 1 as one from `shop`.`orders` where (`large` >= bignumeric '12345678901234567890123456789012345.1234567890123456789') limit 1) connector_count;
