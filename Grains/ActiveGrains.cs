using System.Collections.Concurrent;
using Orleans.Runtime.Placement;

namespace OrleansTempo.Grains;

/// <summary>
/// The grains that are active in this silo and belong to tenants, so that silos can share them by count. A grain adds itself when it is active and
/// removes itself when it begins to end. Safe for concurrent use.
/// </summary>
internal sealed class ActiveGrains
{
    private readonly ConcurrentDictionary<object, ActiveGrain> _grains = new();

    public int Count(GrainKind kind) => _grains.Count(g => g.Value.Kind == kind);

    public IReadOnlyList<ActiveGrain> Of(GrainKind kind) => [.. _grains.Values.Where(g => g.Kind == kind)];

    /// <param name="kind">What the grain is.</param>
    /// <param name="grain">The activation.</param>
    /// <param name="prepare">Is called before a move, while calls still arrive, to leave little to do while they wait; null for nothing.</param>
    public void Add(GrainKind kind, IGrainContext grain, Func<CancellationToken, Task>? prepare = null) =>
        Add(kind, grain, async (target, cancellationToken) =>
        {
            if (prepare is not null)
                await prepare(cancellationToken);

            // It ends here in order and begins there; calls wait meanwhile and are forwarded.
            grain.Migrate(new Dictionary<string, object> { [IPlacementDirector.PlacementHintKey] = target }, CancellationToken.None);
            await grain.Deactivated.WaitAsync(cancellationToken);
        });

    /// <param name="kind">What the grain is.</param>
    /// <param name="activation">Identifies the activation.</param>
    /// <param name="move">Moves it to another silo, and completes when it is active there.</param>
    public void Add(GrainKind kind, object activation, Func<SiloAddress, CancellationToken, Task> move) => _grains[activation] = new ActiveGrain(kind, move);

    public void Remove(object activation) => _grains.TryRemove(activation, out _);
}

/// <summary>The kinds of grains that silos share by count, each kind by itself.</summary>
internal enum GrainKind
{
    /// <summary>An <see cref="Interfaces.IMetricsGeneratorGrain"/>.</summary>
    Generator,

    /// <summary>An <see cref="Interfaces.ITraceGrain"/>.</summary>
    Ingester,
}

/// <summary>A grain of <see cref="ActiveGrains"/>.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="MoveAsync">Moves it to another silo, and completes when it is active there.</param>
internal sealed record ActiveGrain(GrainKind Kind, Func<SiloAddress, CancellationToken, Task> MoveAsync);
