using OrleansTempo.Core.Tests.Cost;

namespace OrleansTempo.Bench.Attack;

/// <summary>All attacks.</summary>
internal static class AttackInputs
{
    private const int Largest = 20_000_000;

    public static IReadOnlyList<AttackInput> All { get; } =
    [
        One("keyless-attributes", static () => AttackBodies.KeylessAttributes(40_000)),
        One("keyless-attributes-gzip", static () => AttackBodies.KeylessAttributes(2_000_000)),
        One("repeated-resource", static () => AttackBodies.RepeatedResource(11_000)),
        One("empty-spans", static () => AttackBodies.EmptySpans((Largest - 20) / 2)),
        One("empty-scopes", static () => AttackBodies.EmptyScopes((Largest - 20) / 2)),
        One("empty-resources", static () => AttackBodies.EmptyResources((Largest - 20) / 2)),
        new EmptySpansBurst(Largest - 20),
        new RequestsInput("colliding-traces", static () => Enumerable.Range(0, 10).Select(static i => ("attacker", AttackBodies.CollidingTraces(10_000, (i * 10_000) + 1)))),
        new LargeTrace(),
        new EmptyGzipMembers(),
        new RapidReset(),
        new RequestsInput("tenants", static () => Enumerable.Range(0, 10_000).Select(static i => ($"tenant-{i}", AttackBodies.Ordinary(1, i)))),
        new RequestsInput("span-names", static () => Enumerable.Range(0, 300).Select(static i => ("attacker", AttackBodies.SpanNames(1000, i * 1000)))),
    ];

    private static RequestsInput One(string name, Func<byte[]> body) => new(name, () => [("attacker", body())]);
}
