using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Tests.Overrides;

public sealed class LayeredOverridesTests
{
    private static readonly TenantId A = Tenant("a");
    private static readonly TenantId B = Tenant("b");

    private readonly Operators _operators = new();

    [Fact]
    public void A_tenants_layer_lies_over_what_the_operator_has_set_for_it()
    {
        using var overrides = new LayeredOverrides(_operators);
        _operators.Set(A, Series(5));
        _operators.Set(B, Series(6));

        overrides.Set([new(A, new TraceIdLabel("own"))]);

        Assert.Equal(("own", 5), Of(overrides, A));
        Assert.Equal((null, 6), Of(overrides, B));
        Assert.Equal([A], overrides.Tenants);
    }

    [Fact]
    public void A_layer_that_is_taken_away_leaves_what_the_operator_has_set()
    {
        using var overrides = new LayeredOverrides(_operators);
        overrides.Set([new(A, new TraceIdLabel("own")), new(B, new TraceIdLabel("own"))]);

        overrides.Set([new(A, null)]);

        Assert.Same(_operators.For(A), overrides.For(A));
        Assert.Equal("own", Of(overrides, B).Label);
        Assert.Null(overrides.LayerOf(A));
    }

    [Fact]
    public void A_change_of_the_operators_is_announced_when_it_holds_below_the_layers()
    {
        using var overrides = new LayeredOverrides(_operators);
        overrides.Set([new(A, new TraceIdLabel("own")), new(B, new TraceIdLabel("own"))]);
        var b = overrides.For(B);
        var seen = new List<(string?, int)>();
        overrides.Changed += () => seen.Add(Of(overrides, A));
        var version = overrides.Version;

        _operators.Set(A, Series(7));

        Assert.Equal([("own", 7)], seen);
        Assert.Equal(version + 1, overrides.Version);
        Assert.Same(b, overrides.For(B));
    }

    [Fact]
    public void A_layer_that_comes_to_the_same_keeps_the_instance_and_one_that_is_the_same_is_no_change()
    {
        using var overrides = new LayeredOverrides(_operators);
        var layer = new TraceIdLabel("own");
        overrides.Set([new(A, layer)]);
        var before = overrides.For(A);
        var announced = 0;
        overrides.Changed += () => announced++;

        overrides.Set([new(A, layer), new(B, null)]);
        Assert.Equal(0, announced);

        overrides.Set([new(A, new TraceIdLabel("own"))]);
        Assert.Equal(1, announced);
        Assert.Same(before, overrides.For(A));
    }

    [Fact]
    public void Nothing_is_followed_after_the_end()
    {
        var overrides = new LayeredOverrides(_operators);
        var version = overrides.Version;
        overrides.Dispose();

        _operators.Set(A, Series(7));

        Assert.Equal(version, overrides.Version);
    }

    private static (string? Label, int MaxActiveSeries) Of(LayeredOverrides overrides, TenantId tenant) =>
        (overrides.For(tenant).MetricsGenerator.TraceIdLabelName, overrides.For(tenant).MetricsGenerator.MaxActiveSeries);

    private static TenantOverrides Series(int max) => new() { MetricsGenerator = new MetricsGeneratorOverrides { MaxActiveSeries = max } };

    private static TenantId Tenant(string name) => TenantId.TryParse(name, out var tenant, out var error) ? tenant : throw new ArgumentException(error);

    private sealed class TraceIdLabel(string label) : IOverridesLayer
    {
        public TenantOverrides Over(TenantOverrides operators) => operators with { MetricsGenerator = operators.MetricsGenerator with { TraceIdLabelName = label } };
    }

    private sealed class Operators : IOverrides
    {
        private readonly Dictionary<TenantId, TenantOverrides> _tenants = [];
        private readonly TenantOverrides _others = new();

        public long Version { get; private set; }

        public event Action? Changed;

        public TenantOverrides For(TenantId tenant) => _tenants.GetValueOrDefault(tenant, _others);

        public bool Knows(TenantId tenant) => _tenants.ContainsKey(tenant);

        public void Set(TenantId tenant, TenantOverrides overrides)
        {
            _tenants[tenant] = overrides;
            Version++;
            Changed?.Invoke();
        }
    }
}
