using System.Diagnostics;
using OrleansTempo.Core.Tests.Cost;

namespace OrleansTempo.Bench.Attack;

/// <summary>
/// Another tenant, which pushes a kilobyte 25 times a second while a server is attacked. Each push is sent on time, whether the previous one
/// has been answered or not: a client that waited for answers would send least when they take longest.
/// </summary>
internal sealed class OtherTenant : IAsyncDisposable
{
    private const int PushesPerSecond = 25;
    private const int BodyBytes = 1000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly AttackTarget _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task<TimeSpan>> _pushes = [];
    private readonly Task _sending;

    public OtherTenant(AttackTarget target)
    {
        _target = target;
        _sending = SendAsync();
    }

    /// <summary>Stops, and returns the response times in milliseconds; a push that failed or was not answered within ten seconds counts as ten seconds.</summary>
    public async Task<(double P50, double P99)> StopAsync()
    {
        await _stop.CancelAsync();
        await _sending;
        var milliseconds = (await Task.WhenAll(_pushes)).Select(static t => t.TotalMilliseconds).Order().ToArray();
        return (milliseconds[milliseconds.Length / 2], milliseconds[(int)((milliseconds.Length - 1) * 0.99)]);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sending;
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / PushesPerSecond));
        try
        {
            do
                _pushes.Add(PushAsync(AttackBodies.Ordinary(BodyBytes, Random.Shared.Next())));
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task<TimeSpan> PushAsync(byte[] body)
    {
        await Task.Yield();
        var started = Stopwatch.GetTimestamp();
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            return await _target.PushAsync("other", body, gzip: false, patience.Token) == "200" ? Stopwatch.GetElapsedTime(started) : s_patience;
        }
        catch (OperationCanceledException)
        {
            return s_patience;
        }
    }
}
