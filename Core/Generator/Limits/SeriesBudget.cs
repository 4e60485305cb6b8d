namespace OrleansTempo.Core.Generator.Limits;

/// <summary>Counts the series and entities of a tenant against its limit on one or the other; the tables of its registry share it.</summary>
internal sealed class SeriesBudget
{
    /// <summary>The maximum number of series; 0 for no limit.</summary>
    public int Max { get; set; }

    /// <summary>Series, without those of overflow entities.</summary>
    public int Active { get; private set; }

    /// <summary>Series of overflow entities, which do not count against <see cref="Max"/>.</summary>
    public int Overflow { get; private set; }

    public long Added { get; private set; }

    public long Removed { get; private set; }

    public long Limited { get; private set; }

    /// <summary>The maximum number of entities; 0 for no limit.</summary>
    public int MaxEntities { get; set; }

    /// <summary>Label sets that have a series, without overflow entities.</summary>
    public int Entities { get; private set; }

    public long EntitiesAdded { get; private set; }

    public long EntitiesRemoved { get; private set; }

    public long EntitiesLimited { get; private set; }

    /// <summary>Whether this many more series fit; counts them as limited if they do not.</summary>
    public bool HasRoom(int series)
    {
        if (Max <= 0 || Active + series <= Max)
            return true;
        Limited += series;
        return false;
    }

    /// <summary>Adds series without a check: there is room, or they come from a replaced table.</summary>
    public void Add(int series)
    {
        Active += series;
        Added += series;
    }

    public void Remove(int series)
    {
        Active -= series;
        Removed += series;
    }

    public void AddOverflow(int series) => Overflow += series;

    public void RemoveOverflow(int series) => Overflow -= series;

    /// <summary>Whether one more entity fits, however many series it has; counts it as limited if it does not.</summary>
    public bool HasRoomForEntity()
    {
        if (MaxEntities <= 0 || Entities < MaxEntities)
            return true;
        EntitiesLimited++;
        return false;
    }

    public void AddEntity()
    {
        Entities++;
        EntitiesAdded++;
    }

    public void RemoveEntity()
    {
        Entities--;
        EntitiesRemoved++;
    }
}
