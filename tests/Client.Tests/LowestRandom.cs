namespace OrleansTempo.Client.Tests;

/// <summary>Always 0, so that the waits between tries are known: 50 ms, 100 ms, 200 ms and so on.</summary>
internal sealed class LowestRandom : Random
{
    public override double NextDouble() => 0;
}
