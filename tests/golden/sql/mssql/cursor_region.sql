select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([region] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([region] >= N'O''Brien\n%s :x "q" `b` 日本') and ([region] is not null) ) connector_count;

select [id] as connector_0, [region] as connector_1 from [shop].[orders] where ([region] is not null) and ([region] >= N'O''Brien\n%s :x "q" `b` 日本' and ([region] > N'O''Brien\n%s :x "q" `b` 日本' or ([region] = N'O''Brien\n%s :x "q" `b` 日本' and [id] > 9007199254740993))) order by [region], [id] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([region] >= N'O''Brien\n%s :x "q" `b` 日本') ) connector_count;
