select count(*) from (select 1 as one from `shop`.`orders` where (`region` is null) limit 100001) connector_count;

select count(*) from (select 1 as one from `shop`.`orders` where (`id` is null) limit 100001) connector_count;

select `id` as connector_0, `region` as connector_1, `moved` as connector_2 from `shop`.`orders` where (`region` >= 'O\'Brien\\n%s :x "q" `b` 日本' and (`region` > 'O\'Brien\\n%s :x "q" `b` 日本' or (`region` = 'O\'Brien\\n%s :x "q" `b` 日本' and `id` > 9007199254740993))) order by `region`, `id`;
