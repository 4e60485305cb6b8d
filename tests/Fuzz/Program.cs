using OrleansTempo.Fuzz;
using SharpFuzz;

// README.md says how it is run.
switch (args)
{
    case ["seeds", var folder]:
        Directory.CreateDirectory(folder);
        foreach (var (name, body) in Seeds())
            File.WriteAllBytes(Path.Combine(folder, name), body);
        return 0;

    case ["replay", var target, .. var files]:
        foreach (var file in files.SelectMany(static f => Directory.Exists(f) ? Directory.GetFiles(f) : [f]))
        {
            var body = File.ReadAllBytes(file);
            Console.WriteLine($"{file}: {body.Length} bytes, {CostTarget.Of(target).Measure(body)}");
        }

        return 0;

    case ["protobuf" or "json" or "push" or "traceql"]:
        var fuzzed = CostTarget.Of(args[0]);
        Fuzzer.OutOfProcess.Run(stream =>
        {
            using var body = new MemoryStream();
            stream.CopyTo(body);
            fuzzed.Check(body.ToArray());
        });
        return 0;

    default:
        Console.Error.WriteLine("Fuzz protobuf|json|push|traceql (under afl-fuzz), Fuzz seeds FOLDER, Fuzz replay protobuf|json|push|traceql FILE...");
        return 2;
}

static IEnumerable<(string Name, byte[] Body)> Seeds() =>
[
    ("ordinary", AttackBodies.Ordinary(1000)),
    ("keyless", AttackBodies.KeylessAttributes(20)),
    ("resources", AttackBodies.RepeatedResource(5)),
    ("spans", AttackBodies.EmptySpans(20)),
    ("trace", AttackBodies.OneTrace(4, static i => (i << 32) | i)),
    ("names", AttackBodies.SpanNames(4, 0)),
    ("search", """{ resource.service.name =~ "a.*" && (span."b c" != -1.5 || .d = nil) } >> { duration > 1h30m } | by(event:name) | coalesce() | avg(.e + 2 ^ 3) >= 100 | select(name, .f) with(most_recent = true)"""u8.ToArray()),
    ("pipelines", "({ !.a && status = error } | count() > 1) && ({ kind = client } !~ { true } &>> { nil != link.b })"u8.ToArray()),
    ("series", "({ } | quantile_over_time(duration, .5, 0.9) by(.a) | topk(3) > 2s) / 100 - ({ } | rate()) * (1 + 2)"u8.ToArray()),
    ("compare", "{ } | compare({ .a >= `b` }, 5, 1, 2) // c"u8.ToArray()),
    ("json", """{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","kind":3,"attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"n","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}]}}}]}]}]}]}"""u8.ToArray()),
];
