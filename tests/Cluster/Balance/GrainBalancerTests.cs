using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Silo.Balance;

namespace OrleansTempo.Cluster.Balance;

/// <summary>Balancers of several silos, each at its own time, with grains that take as long to move as the test says.</summary>
public sealed class GrainBalancerTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Two_silos_that_join_have_their_share_after_two_rounds_each_kind_by_itself()
    {
        var first = _world.Join(generators: 12, ingesters: 13);
        var (second, third) = (_world.Join(), _world.Join());

        await first.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal("8+9 0+0 4+4", _world.Counts);
        await second.Balancer.BalanceAsync(CancellationToken.None);
        await first.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal("4+5 4+4 4+4", _world.Counts);

        foreach (var silo in (Member[])[first, second, third])
            await silo.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal("4+5 4+4 4+4", _world.Counts);
        Assert.Equal(16, _world.Moves);
    }

    [Fact]
    public async Task While_grains_are_on_their_way_no_other_silo_moves_any()
    {
        var (first, second) = (_world.Join(generators: 6), _world.Join(generators: 6));
        var third = _world.Join();
        _world.Hold();
        var moving = first.Balancer.BalanceAsync(CancellationToken.None);
        Assert.True(first.Balancer.Load.IsMoving);
        var staying = second.Balancer.BalanceAsync(CancellationToken.None);
        Assert.True(staying.IsCompletedSuccessfully);

        _world.Release();
        await moving;
        Assert.False(first.Balancer.Load.IsMoving);
        await second.Balancer.BalanceAsync(CancellationToken.None);
        await third.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal(("4+0 4+0 4+0", 4), (_world.Counts, _world.Moves));
    }

    [Fact]
    public async Task Nothing_moves_while_a_silo_does_not_answer_and_nothing_to_one_that_is_not_ready()
    {
        var first = _world.Join(generators: 4);
        var second = _world.Join();
        second.Answers = false;
        await first.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal("4+0 0+0", _world.Counts);

        second.Answers = true;
        var third = _world.Join(isReady: false);
        await first.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal("2+0 2+0 0+0", _world.Counts);
        await third.Balancer.BalanceAsync(CancellationToken.None);
        Assert.Equal("2+0 2+0 0+0", _world.Counts);
    }

    [Fact]
    public async Task A_silo_that_leaves_hands_everything_over_and_the_others_have_their_share()
    {
        var first = _world.Join(generators: 4, ingesters: 4);
        _ = _world.Join(generators: 6, ingesters: 1);
        _ = _world.Join(generators: 2, ingesters: 1);
        await first.StopAsync();
        Assert.False(first.Balancer.Load.TakesGrains);
        await first.LeaveAsync();
        Assert.Equal("0+0 6+3 6+3", _world.Counts);
    }

    [Fact]
    public async Task A_silo_leaves_with_its_grains_if_nobody_takes_them_or_time_is_over()
    {
        var first = _world.Join(generators: 3);
        await first.StopAsync();
        await first.LeaveAsync();
        Assert.Equal("3+0", _world.Counts);

        _ = _world.Join();
        _world.Hold();
        using var patience = new CancellationTokenSource();
        var leaving = first.Balancer.LeaveAsync(patience.Token);
        Assert.False(leaving.IsCompleted);
        await patience.CancelAsync();
        await leaving;
        Assert.Equal("3+0 0+0", _world.Counts);
    }

    [Fact]
    public async Task A_grain_that_does_not_arrive_keeps_nobody_waiting_for_long()
    {
        var first = _world.Join(generators: 2);
        _ = _world.Join();
        _world.Hold();
        var moving = first.Balancer.BalanceAsync(CancellationToken.None);
        Assert.True(first.Balancer.Load.IsMoving);
        first.Time.Advance(TimeSpan.FromSeconds(30));
        await moving;
        Assert.Equal("2+0 0+0", _world.Counts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_silos_join_and_leave_every_grain_is_in_one_of_them_and_each_has_its_share_after_few_rounds(int seed)
    {
        var random = new Random(seed);
        _ = _world.Join(generators: 50, ingesters: 70);
        for (var step = 0; step < 40; step++)
        {
            if (_world.Members.Count < 2 || (random.Next(3) > 0 && _world.Members.Count < 6))
                _ = _world.Join();
            else
                await _world.LeaveAsync(_world.Members[random.Next(_world.Members.Count)]);
            var before = _world.Moves;
            for (var round = 0; round < 20; round++)
            {
                foreach (var silo in _world.Members.OrderBy(_ => random.Next()).ToList())
                    await silo.Balancer.BalanceAsync(CancellationToken.None);
            }

            Assert.InRange(_world.Moves - before, 0, 120);
            foreach (var kind in Enum.GetValues<GrainKind>())
            {
                var counts = _world.Members.Select(silo => silo.Grains.Count(kind)).ToList();
                Assert.Equal(kind == GrainKind.Generator ? 50 : 70, counts.Sum());
                Assert.InRange(counts.Max() - counts.Min(), 0, 1);
            }
        }
    }

    private sealed class World : IMemberLoads, IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private TaskCompletionSource _moving = Completed();
        private int _joined;

        public List<Member> Members { get; } = [];

        public int Moves { get; private set; }

        /// <summary>Each silo's generators and ingesters.</summary>
        public string Counts => string.Join(' ', Members.Select(static m => $"{m.Balancer.Load.Generators}+{m.Balancer.Load.Ingesters}"));

        public Member Join(int generators = 0, int ingesters = 0, bool isReady = true)
        {
            var member = new Member(this, SiloAddress.New(IPAddress.Loopback, 11111 + _joined++, 1), _stop.Token, isReady);
            Members.Add(member);
            for (var i = 0; i < generators; i++)
                Place(member, GrainKind.Generator);
            for (var i = 0; i < ingesters; i++)
                Place(member, GrainKind.Ingester);
            return member;
        }

        public async Task LeaveAsync(Member member)
        {
            await member.StopAsync();
            await member.LeaveAsync();
            Assert.Equal((0, 0), (member.Balancer.Load.Generators, member.Balancer.Load.Ingesters));
            Members.Remove(member);
        }

        /// <summary>From here on, grains that move do not arrive until <see cref="Release"/>.</summary>
        public void Hold() => _moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _moving.SetResult();

        public Task<IReadOnlyDictionary<SiloAddress, MemberLoad?>> AskAsync(CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyDictionary<SiloAddress, MemberLoad?>>(Members.ToDictionary(static m => m.Silo, static m => m.Answers ? m.Balancer.Load : null));

        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }

        private static TaskCompletionSource Completed()
        {
            var completed = new TaskCompletionSource();
            completed.SetResult();
            return completed;
        }

        private void Place(Member member, GrainKind kind)
        {
            var activation = new object();
            member.Grains.Add(kind, activation, async (target, cancellationToken) =>
            {
                lock (Members)
                    Moves++;
                await _moving.Task.WaitAsync(cancellationToken);
                lock (Members)
                {
                    member.Grains.Remove(activation);
                    Place(Members.Single(m => m.Silo.Equals(target)), kind);
                }
            });
        }
    }

    private sealed class Member
    {
        private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

        private readonly CancellationTokenSource _stop;
        private readonly Task _running = Task.CompletedTask;

        public Member(World world, SiloAddress silo, CancellationToken stop, bool isReady)
        {
            Silo = silo;
            Balancer = new GrainBalancer(Grains, world, silo, Time, NullLogger.Instance);
            _stop = CancellationTokenSource.CreateLinkedTokenSource(stop);
            if (isReady)
                _running = Balancer.RunAsync(_stop.Token);
        }

        public SiloAddress Silo { get; }

        // Of its own, so that it alone sees time pass.
        public ManualTimeProvider Time { get; } = new();

        public ActiveGrains Grains { get; } = new();

        public GrainBalancer Balancer { get; }

        public bool Answers { get; set; } = true;

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
        }

        /// <summary>Hands over what it can, and forwards calls for a second.</summary>
        public async Task LeaveAsync()
        {
            var leaving = Balancer.LeaveAsync(CancellationToken.None);
            if (await Task.WhenAny(leaving, Time.TimerOf(s_second)) != leaving)
                Time.Advance(s_second);
            await leaving;
        }
    }
}
