namespace OrleansTempo.Core.Generator.Limits;

/// <summary>How many series and entities a tenant has and may have, by the one or by the other; shared by the tables of its registry.</summary>
internal sealed class SeriesBudget
{
    /// <summary>0 for no limit.</summary>
    public int Max { get; set; }

    /// <summary>Series, those of overflow entities not among them.</summary>
    public int Active { get; private set; }

    /// <summary>Series of overflow entities: made without asking, and beyond what <see cref="Max"/> allows.</summary>
    public int Overflow { get; private set; }

    public long Added { get; private set; }

    public long Removed { get; private set; }

    public long Limited { get; private set; }

    /// <summary>0 for no limit.</summary>
    public int MaxEntities { get; set; }

    /// <summary>Label sets that have a series, an overflow entity not being one.</summary>
    public int Entities { get; private set; }

    public long EntitiesAdded { get; private set; }

    public long EntitiesRemoved { get; private set; }

    public long EntitiesLimited { get; private set; }

    /// <summary>Whether so many series still fit; counts them as limited where they do not.</summary>
    public bool HasRoom(int series)
    {
        if (Max <= 0 || Active + series <= Max)
            return true;
        Limited += series;
        return false;
    }

    /// <summary>Adds without asking: there is room, or they come over from a replaced table.</summary>
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

    /// <summary>Whether one entity more still fits, however many series it has; counts it as limited where it does not.</summary>
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
